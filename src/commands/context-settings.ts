import * as z from "zod";
import { flowNames, serviceNames } from "../pipeline/contracts/contract.ts";

// What a context may say: where a pipeline's messages, objects and services are.

const Text = z.string().min(1);
const Url = z.url({ protocol: /^https?$/, error: "must be a URL with http:// or https://" });
const Port = z.int().min(1).max(65_535);

/** Never the secret itself: where to get it. */
export const Secret = z.union(
  [
    z.strictObject({ file: Text }),
    z.strictObject({ variable: Text }),
    z.strictObject({ command: Text }),
  ],
  {
    error:
      'must say where the secret is: {"file": …}, {"variable": …} or {"command": …}, never the secret itself',
  },
);
export type Secret = z.infer<typeof Secret>;

/** Files in PEM. True: TLS with the well-known authorities. */
const Tls = z.union(
  [
    z.boolean(),
    z.strictObject({ ca: Text.optional(), cert: Text.optional(), key: Text.optional() }),
  ],
  { error: 'must be true, false, or an object with "ca", "cert" and "key" as paths' },
);
export type Tls = z.infer<typeof Tls>;

export const saslMechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const;

const Kafka = z.strictObject({
  brokers: z
    .array(z.string().regex(/^[^\s:/]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/, "must be host:port"))
    .min(1),
  tls: Tls.optional(),
  sasl: z
    .strictObject({ mechanism: z.enum(saslMechanisms), username: Text, password: Secret })
    .optional(),
});
const Rabbitmq = z.strictObject({
  host: Text,
  port: Port.optional(),
  vhost: Text.optional(),
  username: Text,
  password: Secret,
  tls: Tls.optional(),
});
const S3 = z.strictObject({
  endpoint: Url,
  /** Where clients reach it, if that differs. */
  publicUrl: Url.optional(),
  region: Text.optional(),
  bucket: Text,
  accessKey: Text,
  secretKey: Secret,
  /** A file in PEM. */
  ca: Text.optional(),
});
const mustBeGateway = 'must be a URL, or an object with "url" and "token"';
const Gateway = z.union(
  [
    z.url({ protocol: /^https?$/, error: mustBeGateway }),
    z.strictObject({ url: Url, token: Secret.optional() }),
  ],
  { error: mustBeGateway },
);

export const Context = z.strictObject({
  kafka: Kafka,
  rabbitmq: Rabbitmq,
  /** Absent: objects are stored in the context's state, and served by ourselves. */
  s3: S3.optional(),
  /** Base address of the cluster's gateway, without /graphql. */
  gateway: Gateway.optional(),
  /** Base addresses of services that others run. */
  services: z.partialRecord(z.enum(serviceNames), Url).optional(),
  /** What services show to each other. */
  internalToken: Secret.optional(),
  /** What is deployed there. Default full. */
  flow: z.enum(flowNames).optional(),
  vision: z.enum(["local", "google", "record", "replay"]).optional(),
  /** Changes need --confirm <name>. */
  protected: z.boolean().optional(),
  /** Nothing may be changed. */
  readOnly: z.boolean().optional(),
});
export type Context = z.infer<typeof Context>;

/** Always there: everything embedded, and everything from the variables that the services read. */
export const builtInContexts = ["local", "env"] as const;

const mustBeName = "must be a name of lower-case letters, digits and hyphens";

export const ContextName = z
  .string({ error: mustBeName })
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, { error: mustBeName });

export const Contexts = z.record(
  ContextName.refine(
    (name) => !builtInContexts.some((known) => known === name),
    "is built in, and cannot be configured",
  ),
  Context,
);

/** Every problem with its place, and without the values: one may be a secret. */
export function contextProblems(contexts: unknown): readonly string[] {
  const result = Contexts.safeParse(contexts);
  return result.success ? [] : result.error.issues.map(textOf);
}

function textOf(issue: z.core.$ZodIssue): string {
  const place = ["contexts", ...issue.path].join(".");
  if (issue.code === "unrecognized_keys") return `${place} has no ${issue.keys.join(", ")}`;
  if (issue.code === "invalid_type") {
    const isMissing = issue.message.endsWith("undefined");
    return `${place} ${isMissing ? "is missing" : `must be ${words[issue.expected] ?? issue.expected}`}`;
  }
  if (issue.code === "invalid_value")
    return `${place} must be one of ${issue.values.map(String).join(", ")}`;
  if (issue.code === "too_small") return `${place} must not be empty`;
  if (issue.code === "invalid_key") return `${place} ${issue.issues[0]?.message ?? "is no name"}`;
  return `${place} ${issue.message}`;
}

const words: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};
