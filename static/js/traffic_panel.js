// A panel with a chart that is drawn once it is seen, its table and its download.
import { tableCsv } from "./bin_table.js";
import { h } from "./dom.js";
import { fill, gettext } from "./i18n.js";

export class Panel {
  constructor(name) {
    this.box = document.querySelector(`[data-panel="${name}"]`);
    this.name = name;
    this.chart = this.find("chart");
    this.seen = !this.chart;
    this.content = null;
    const button = this.find("as-table");
    button.hidden = !this.chart;
    button.addEventListener("click", () => {
      this.find("table").hidden = !this.find("table").hidden;
      button.setAttribute("aria-pressed", String(!this.find("table").hidden));
      this.fillTable();
    });
    this.find("download").addEventListener("click", (event) => {
      if (!this.content) event.preventDefault();
      else if (!this.content.csv) this.offerTable(event.currentTarget);
    });
    if (this.chart) new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting || this.seen) return;
      this.seen = true;
      this.draw();
    }, { rootMargin: "200px" }).observe(this.chart);
    addEventListener("themechange", () => this.draw());
  }

  find(name) {
    return this.box.querySelector(`[data-${name}]`);
  }

  /** `draw(box)` draws the chart, `table()` makes the table; `csv` is an address, without one the file is the table. */
  show(content) {
    this.content = content;
    this.box.hidden = false;
    if (this.find("note")) this.find("note").textContent = content.note ?? "";
    if (content.summary) this.find("summary").replaceChildren(...content.summary);
    if (this.chart) this.chart.hidden = !content.draw;
    this.find("download").setAttribute("download", content.csv ? "" : `${this.name}.csv`);
    this.find("download").href = content.csv ?? "#";
    this.find("download").hidden = this.find("as-table").hidden = !content.table;
    if (this.chart && content.table) this.find("as-table").hidden = false;
    else this.find("as-table").hidden = true;
    this.fillTable();
    return this.draw();
  }

  hide() {
    this.content = null;
    this.box.hidden = true;
  }

  fillTable() {
    if (!this.content?.table) this.find("table").replaceChildren();
    else if (!this.find("table").hidden) this.find("table").replaceChildren(this.content.table());
  }

  async draw() {
    if (this.seen && this.content?.draw) await this.content.draw(this.chart);
  }

  offerTable(link) {
    const text = `\ufeff${tableCsv(this.content.table())}\r\n`; // the mark tells spreadsheets that it is UTF-8
    if (this.file) URL.revokeObjectURL(this.file);
    this.file = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.href = this.file;
  }
}

export function observedWords(bins) {
  const whole = bins.reduce((n, bin) => n + bin.possible, 0);
  const seen = bins.reduce((n, bin) => n + Math.min(bin.observed, bin.possible), 0);
  return h("p", { class: "quiet" }, fill(gettext("observed %(percent)s of the time"), { percent: `${Math.round((100 * seen) / whole)} %` }));
}

/** Figures with the counts behind them: [{term, value, note}]. */
export const figures = (items) => items.map(({ term, value, note }) => h("div", {}, h("dt", {}, term), h("dd", { class: "numbers" }, value, note ? h("small", {}, note) : null)));
