/** A request refused before it reaches a service (RFC 9457). */
export const problem = (status: number, title: string) => ({
  status,
  headers: { "content-type": "application/problem+json; charset=utf-8" },
  body: { type: "about:blank", title, status },
});
