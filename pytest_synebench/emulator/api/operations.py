"""The operations of the service: a request in, an answer out.

Invariants (tests/emulator/api/test_operations.py and tests/emulator/test_clients.py):
- nothing is done by a request that is refused;
- every page of a list begins where the one before it ended, whatever was created meanwhile;
- every answer is one that botocore's model knows.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from pytest_synebench.emulator.api import rules, search, validation, views
from pytest_synebench.emulator.jobs.account import Account, Entry
from pytest_synebench.emulator.jobs.faults import Faults
from pytest_synebench.emulator.jobs.lifecycle import IllegalEventError, StopAsked
from pytest_synebench.emulator.refusal import Refusal
from pytest_synebench.emulator.refusal import validation as refused

PAGE = 10  #: of a list whose request says nothing (ASSUMED-10)
TAGS = 50  #: of one job
_TOKENS = 1000  #: that are good at one time
_Request = Mapping[str, Any]
_Answer = dict[str, Any]


class Operations:
    """What can be asked."""

    def __init__(self, account: Account, faults: Faults) -> None:
        import botocore.session

        self._account = account
        self._faults = faults
        self._pages = _Pages()
        self._model = botocore.session.Session().get_service_model("sagemaker")
        self._known: dict[str, Callable[[_Request], _Answer]] = {
            "CreateTrainingJob": self._create,
            "DescribeTrainingJob": self._describe,
            "StopTrainingJob": self._stop,
            "ListTrainingJobs": self._list,
            "Search": self._search,
            "AddTags": self._add_tags,
            "ListTags": self._list_tags,
        }

    def __call__(self, operation: str, request: _Request) -> _Answer:
        """Return the answer to a request.

        Raises:
            Refusal: it breaks a rule, or cannot be carried out.
        """
        carry_out = self._known.get(operation)
        if carry_out is None:
            raise Refusal(
                "UnknownOperationException",
                f"The emulator has no {operation}; it has {', '.join(self._known)}",
            )
        validation.check(self._model.operation_model(operation).input_shape, request)
        return carry_out(request)

    def _create(self, request: _Request) -> _Answer:
        rules.check(request)
        self._account.create(request)
        return {"TrainingJobArn": self._account.arn(request["TrainingJobName"])}

    def _describe(self, request: _Request) -> _Answer:
        entry = self._account.find(request["TrainingJobName"])
        return self._seen("DescribeTrainingJob", entry)

    def _stop(self, request: _Request) -> _Answer:
        entry = self._account.find(request["TrainingJobName"])
        try:
            self._account.feed(entry, StopAsked())
        except IllegalEventError as error:
            raise refused(f"The request was rejected because {error}.") from None
        return {}

    def _list(self, request: _Request) -> _Answer:
        faults = self._faults.view("ListTrainingJobs", "")
        entries = views.listed(self._account.jobs(), faults)
        shown = [views.described(self._account, entry, faults) for entry in entries]
        shown = [one for one in shown if _listed(one, request)]
        key = {"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(
            request.get("SortBy", ""), "CreationTime"
        )
        page, token = self._pages.cut(_sorted(shown, key, request), request)
        return {"TrainingJobSummaries": [views.summary(one) for one in page], **token}

    def _search(self, request: _Request) -> _Answer:
        if request["Resource"] != "TrainingJob":
            raise refused(f"The emulator searches TrainingJob only, not {request['Resource']}")
        faults = self._faults.view("Search", "")
        entries = views.listed(self._account.jobs(), faults)
        shown = [
            {**views.described(self._account, entry, faults), "Tags": entry.tags}
            for entry in entries
        ]
        expression = request.get("SearchExpression", {})
        shown = [one for one in shown if search.matches(one, expression)]
        key = request.get("SortBy", "LastModifiedTime")
        page, token = self._pages.cut(_sorted(shown, key, request), request)
        return {"Results": [{"TrainingJob": one} for one in page], **token}

    def _add_tags(self, request: _Request) -> _Answer:
        entry = self._owner(request)
        merged = {tag["Key"]: tag["Value"] for tag in [*entry.tags, *request["Tags"]]}
        if len(merged) > TAGS:
            raise refused(f"A job has at most {TAGS} tags; these would be {len(merged)}")
        tags = [{"Key": key, "Value": value} for key, value in merged.items()]
        self._account.note(lambda: setattr(entry, "tags", tags))
        return {"Tags": tags}

    def _list_tags(self, request: _Request) -> _Answer:
        page, token = self._pages.cut([*self._owner(request).tags], request)
        return {"Tags": page, **token}

    def _owner(self, request: _Request) -> Entry:
        arn = request["ResourceArn"]
        name = arn.rpartition("/")[2]
        if arn != self._account.arn(name):
            raise refused(f"The emulator keeps tags of training jobs only, not of {arn}")
        return self._account.find(name)

    def _seen(self, operation: str, entry: Entry) -> _Answer:
        return views.described(self._account, entry, self._faults.view(operation, entry.name))


def _listed(shown: _Answer, request: _Request) -> bool:
    created_s, modified_s = shown["CreationTime"], shown["LastModifiedTime"]
    status = request.get("StatusEquals", shown["TrainingJobStatus"])
    return (
        request.get("NameContains", "") in shown["TrainingJobName"]
        and status == shown["TrainingJobStatus"]
        and "WarmPoolStatusEquals" not in request
        and "TrainingPlanArnEquals" not in request
        and request.get("CreationTimeAfter", 0) <= created_s
        and created_s <= request.get("CreationTimeBefore", created_s)
        and request.get("LastModifiedTimeAfter", 0) <= modified_s
        and modified_s <= request.get("LastModifiedTimeBefore", modified_s)
    )


def _sorted(shown: list[_Answer], key: str, request: _Request) -> list[_Answer]:
    def place(one: _Answer) -> tuple[bool, float, str]:
        values = search.value_of(one, key)
        value = values[0] if values else 0
        number = value if isinstance(value, int | float) else 0
        return bool(values), number, str(value)

    descending = request.get("SortOrder", "Descending") == "Descending"
    return sorted(shown, key=place, reverse=descending)


def _name(one: _Answer) -> str:
    return str(one.get("TrainingJobName", one.get("Key")))


class _Pages:
    """Cuts lists into pages; a token stands for what was shown before."""

    def __init__(self) -> None:
        self._shown: dict[str, set[str]] = {}

    def cut(self, items: list[_Answer], request: _Request) -> tuple[list[_Answer], _Answer]:
        """Return a page, and the token to be told with it, if there is more."""
        token = request.get("NextToken")
        if token is not None and token not in self._shown:
            raise refused("NextToken is none that was given out")
        before = self._shown.get(token, set()) if token else set()
        left = [one for one in items if _name(one) not in before]
        page = left[: request.get("MaxResults", PAGE)]
        if len(page) == len(left):
            return page, {}
        following = secrets.token_hex(16)
        self._shown[following] = before | {_name(one) for one in page}
        if len(self._shown) > _TOKENS:
            del self._shown[next(iter(self._shown))]
        return page, {"NextToken": following}
