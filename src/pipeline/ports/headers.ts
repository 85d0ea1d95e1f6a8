/** By name in lower case; one that came several times is joined by the adapter. */
export type Headers = Readonly<Record<string, string>>;
