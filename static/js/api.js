// Calls to the REST API of this gateway, with words for what goes wrong.
import { fill, gettext } from "./i18n.js";

export const apiUrl = (path) => (document.documentElement.dataset.api ?? "/api/v1/") + path;

/** A refusal: `status` (0 without an answer), `code`, `field`, and `document` as the server sent it. */
export class ApiError extends Error {
  constructor(status, document_) {
    super(words(status, document_));
    this.status = status;
    this.document = document_;
    this.code = document_?.code ?? "";
    this.field = document_?.field ?? null;
  }
}

function words(status, answer) {
  if (typeof answer?.message === "string") return answer.message;
  if (typeof answer?.detail === "string") return answer.detail;
  if (status === 0) return gettext("The gateway does not answer. Check the network; the page tries again.");
  if (status === 403) return gettext("Your role does not include this.");
  if (answer && typeof answer === "object") {
    const [field, problem] = Object.entries(answer)[0] ?? [];
    if (field) return `${field}: ${[problem].flat().join(" ")}`;
  }
  return fill(gettext("The gateway answered with error %(status)s."), { status });
}

export const csrf = () =>
  document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ??
  document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

/** The answer's JSON (null when empty). Throws ApiError; an aborted call throws AbortError. */
export async function api(path, { method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRFToken"] = csrf();
  let answer;
  try {
    answer = await fetch(apiUrl(path), {
      method, headers, signal, credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null);
  }
  const text = await answer.text();
  let document_ = null;
  try {
    document_ = text ? JSON.parse(text) : null;
  } catch {
    document_ = null; // an error page in HTML says nothing that words() does not
  }
  if (!answer.ok) throw new ApiError(answer.status, document_);
  return document_;
}
