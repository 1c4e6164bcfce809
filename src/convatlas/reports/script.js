"use strict";
(() => {
  const root = document.documentElement;
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];

  /* Charts: the figures name colours as var(--x); the style sheet knows their value. */
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const phone = matchMedia("(max-width: 600px)");
  const config = {
    displaylogo: false,
    responsive: true,
    /* The buttons are named one by one: by default there is one that sends the chart away. */
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    showSendToCloud: false,
    typesetMath: false,
    plotlyServerURL: "",
  };

  function coloured(value, style) {
    if (typeof value === "string") {
      const found = /^var\((--[a-z0-9-]+)\)$/.exec(value);
      return (found && style.getPropertyValue(found[1]).trim()) || value;
    }
    if (Array.isArray(value)) return value.map((v) => coloured(v, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, style)]));
  }

  function laidOver(below, above) {
    const both = { ...below };
    for (const [key, value] of Object.entries(above)) {
      const nested = value && below[key] && typeof value === "object" && !Array.isArray(value);
      both[key] = nested ? laidOver(below[key], value) : value;
    }
    return both;
  }

  function draw() {
    const style = getComputedStyle(root);
    const drawing = every(".chart").map((place) => {
      const figure = coloured(figures[place.dataset.figure], style);
      const layout = phone.matches ? laidOver(figure.layout, figure.narrow) : figure.layout;
      if (figure.square) layout.height = Math.min(place.clientWidth, figure.square);
      return Plotly.react(place, figure.data, layout, config);
    });
    return Promise.all(drawing);
  }

  function redrawn(printing) {
    root.classList.toggle("printing", printing);
    draw();
  }

  phone.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => redrawn(true));
  addEventListener("afterprint", () => redrawn(false));

  /* Tables: a click on a header sorts, a second one turns the order round. */
  function compared(a, b) {
    if (a === "" || b === "") return (a === "") - (b === "");
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  }

  function sorted(header) {
    const body = header.closest("table").tBodies[0];
    const value = (row) => row.cells[header.cellIndex].dataset.value;
    const first = header.classList.contains("figures") ? "descending" : "ascending";
    const other = { ascending: "descending", descending: "ascending" };
    const order = header.ariaSort ? other[header.ariaSort] : first;
    every("th", header.parentElement).forEach((h) => h.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return x === "" || y === "" ? compared(x, y) : sign * compared(x, y);
    });
    body.append(...rows);
  }

  every(".sortable thead th").forEach((header) => {
    header.querySelector("button").addEventListener("click", () => sorted(header));
  });

  every(".filters").forEach((group) => {
    const buttons = every("button", group);
    buttons.forEach((button) => button.addEventListener("click", () => {
      const state = button.dataset.filter;
      buttons.forEach((b) => b.setAttribute("aria-pressed", b === button));
      every("tbody tr", group.nextElementSibling).forEach((row) => {
        row.hidden = state !== "all" && row.dataset.state !== state;
      });
    }));
  });

  /* Commands */
  async function copy(button) {
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code);
      if (!document.execCommand("copy")) return;
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  every(".copy").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  });

  /* What arrived, for whoever looks from outside. */
  draw().then(() => { root.dataset.charts = every(".chart .main-svg:first-child").length; });
  addEventListener("load", () => {
    root.dataset.pictures = every(".mistakes img").filter((i) => i.naturalWidth > 0).length;
  });
})();
