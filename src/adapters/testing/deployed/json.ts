/** An object's members by their names in lower case: .NET's web defaults do not mind the case. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.toLowerCase(), member]),
  );
}

export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** A member that its record declares: null where it was not sent. */
const given = (value: unknown): unknown => value ?? null;

/** `RecognitionCompleted` of Trackunit.Messaging 1.10: what it does not declare is lost, and nulls are written. */
export function recognitionOf(value: unknown): object {
  const { aggregate, provider } = members(value);
  const made = members(aggregate);
  const by = members(provider);
  return {
    provider: {
      name: textOf(by["name"]),
      apiVersion: given(by["apiversion"]),
      featureset: by["featureset"] ?? [],
      maxResults: given(by["maxresults"]),
    },
    aggregate: {
      brand: given(made["brand"]),
      type: given(made["type"]),
      model: given(made["model"]),
      confidence: made["confidence"] ?? 0,
      isConfident: made["isconfident"] ?? false,
      typeConfidence: given(made["typeconfidence"]),
      typeSource: given(made["typesource"]),
      name: given(made["name"]),
    },
  };
}

/** `ImageUploaded` of the same package. */
export function imageUploadedOf(value: unknown): object {
  const { bytes, checksum, contenttype, objectkey, occurredat, uploadid } = members(value);
  return {
    uploadId: given(uploadid),
    objectKey: given(objectkey),
    contentType: given(contenttype),
    bytes: bytes ?? 0,
    checksum: given(checksum),
    occurredAt: given(occurredat),
  };
}

/** A .NET DateTimeOffset in UTC: seven decimals and an offset. */
export const dotnetTime = (ms: number): string =>
  new Date(ms).toISOString().replace(/Z$/, "1234+00:00");
