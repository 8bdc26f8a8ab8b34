"""What a request to S3 is called by AWS, by its method, path and query.

Source: Amazon S3, API reference.
"""

from __future__ import annotations

from urllib.parse import parse_qs

_OF_BUCKETS = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket"}
_OF_OBJECTS = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
}
_BY_QUERY = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "uploads"): "ListMultipartUploads",
    ("POST", "delete"): "DeleteObjects",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("PUT", "partNumber"): "UploadPart",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}


def s3_operation(method: str, path: str, query: str) -> str:
    """Return the operation; the method, where there is none by these.

    >>> s3_operation("GET", "/team/a/b", "x-id=GetObject")
    'GetObject'
    >>> s3_operation("GET", "/team", "list-type=2&prefix=a")
    'ListObjectsV2'
    >>> s3_operation("PUT", "/team/a", "uploadId=7&partNumber=1")
    'UploadPart'
    """
    told = parse_qs(query, keep_blank_values=True)
    for (asked, name), operation in _BY_QUERY.items():
        if asked == method and name in told:
            return operation
    key = path.strip("/").partition("/")[2]
    return (_OF_OBJECTS if key else _OF_BUCKETS).get(method, method)
