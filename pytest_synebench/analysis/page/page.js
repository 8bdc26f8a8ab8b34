"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";

  // -- figures: drawn when they are about to be seen, in the colours of the theme ---------------
  const place = /^@([0-7]|muted|ink)(?:\/(0?\.\d+))?$/;
  const coloured = (part, theme) => {
    if (Array.isArray(part)) return part.map((one) => coloured(one, theme));
    if (part && typeof part === "object")
      return Object.fromEntries(Object.entries(part).map(([k, v]) => [k, coloured(v, theme)]));
    const found = typeof part === "string" && place.exec(part);
    if (!found) return part;
    const code = theme[found[1]];
    if (!found[2]) return code;
    const rgb = [1, 3, 5].map((i) => parseInt(code.slice(i, i + 2), 16));
    return `rgba(${rgb},${found[2]})`;
  };
  const layout = (figure, theme) => {
    const style = getComputedStyle(root);
    const line = style.getPropertyValue("--line").trim();
    const soft = style.getPropertyValue("--soft").trim();
    const card = style.getPropertyValue("--card").trim();
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true };
    const given = figure.layout;
    const title = (one) => ({ ...one.title, font: { size: 12, color: soft }, standoff: 8 });
    return {
      font: { family: style.fontFamily || "sans-serif", size: 12, color: theme.ink },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 48, r: 12, t: 12, b: 40 },
      hovermode: "x unified",
      hoverlabel: { bgcolor: card, bordercolor: line, font: { color: theme.ink } },
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0, font: { size: 11 } },
      ...given,
      xaxis: { ...axis, ...given.xaxis, title: title(given.xaxis) },
      yaxis: { ...axis, ...given.yaxis, title: title(given.yaxis) },
    };
  };
  // What a legend takes must not be taken from the picture above it.
  const height = (figure, width) => {
    const names = figure.data.filter((one) => one.showlegend !== false).map((one) => one.name || "");
    if (names.length < 2) return 300;
    const widest = 48 + 6.3 * Math.max(...names.map((one) => one.length));
    const columns = Math.max(1, Math.min(names.length, Math.floor((width - 60) / widest)));
    return 300 + 19 * Math.ceil(names.length / columns);
  };
  const draw = (element) => {
    const theme = isDark() ? data.dark : data.light;
    const figure = coloured(data.figures[Number(element.dataset.figure)], theme);
    // Dragging zooms, a double click zooms out: no buttons over the picture.
    const options = { responsive: true, displayModeBar: false };
    element.dataset.drawn = "";
    element.style.height = `${height(figure, element.clientWidth)}px`;
    return Plotly.react(element, figure.data, layout(figure, theme), options);
  };
  const plots = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries)
      if (entry.isIntersecting && !("drawn" in entry.target.dataset)) draw(entry.target);
  }, { rootMargin: "600px" });
  plots.forEach((one) => seen.observe(one));
  const again = () => plots.filter((one) => "drawn" in one.dataset).forEach(draw);
  addEventListener("beforeprint", () => plots.forEach(draw));

  // -- theme ------------------------------------------------------------------------------------
  const remembered = "synebench-theme";
  try { const told = localStorage.getItem(remembered); if (told) root.dataset.theme = told; } catch { /* file:// may have none */ }
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem(remembered, root.dataset.theme); } catch { /* then it is for now */ }
    again();
  });
  system.addEventListener("change", again);

  // -- tables -----------------------------------------------------------------------------------
  const text = (row, column) => row.cells[column].textContent.trim();
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    const [noX, noY] = [a === "" || a === "nan", b === "" || b === "nan"];
    if (noX || noY) return noX - noY; // last, whichever way it is sorted
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
  };
  document.querySelectorAll("[data-sort]").forEach((button) => button.addEventListener("click", () => {
    const head = button.closest("th"), body = button.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    head.parentElement.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const column = Number(button.dataset.sort);
    const keyed = [...body.rows].map((row) => [text(row, column), row]);
    keyed.sort(([a], [b]) => {
      const found = compare(a, b);
      const missing = [a, b].some((one) => one === "" || one === "nan");
      return down && !missing ? -found : found;
    });
    body.append(...keyed.map(([, row]) => row));
  }));
  document.querySelectorAll("[data-filter]").forEach((input) => {
    const table = document.getElementById(input.dataset.filter);
    const count = document.querySelector(`[data-count="${input.dataset.filter}"]`);
    const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const [row, content] of rows) {
        row.hidden = !words.every((word) => content.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
    });
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const code = button.parentElement.querySelector("code");
    try { await navigator.clipboard.writeText(code.textContent); }
    catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
})();
