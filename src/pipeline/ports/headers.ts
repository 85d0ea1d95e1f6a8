/** By lower-case name; the adapter joins repeated headers. */
export type Headers = Readonly<Record<string, string>>;
