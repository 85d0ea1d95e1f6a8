import { type ErrorCode, TuError } from "../../pipeline/errors.ts";

/** What a broker answers by itself, by Kafka's name; anything else is a connection or broker in trouble. */
const permanent: Readonly<Record<string, ErrorCode>> = {
  UNKNOWN_TOPIC_OR_PARTITION: "E_UNROUTABLE",
  INVALID_TOPIC_EXCEPTION: "E_UNROUTABLE",
  MESSAGE_TOO_LARGE: "E_MESSAGE_INVALID",
  RECORD_LIST_TOO_LARGE: "E_MESSAGE_INVALID",
  INVALID_RECORD: "E_MESSAGE_INVALID",
  INVALID_PARTITIONS: "E_USAGE",
  SASL_AUTHENTICATION_FAILED: "E_ACCESS_REFUSED",
  TOPIC_AUTHORIZATION_FAILED: "E_ACCESS_REFUSED",
  GROUP_AUTHORIZATION_FAILED: "E_ACCESS_REFUSED",
  CLUSTER_AUTHORIZATION_FAILED: "E_ACCESS_REFUSED",
};

/** kafkajs wraps the answer of the last attempt. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;
}

function answerOf(error: unknown): string {
  const root = rootOf(error);
  return root instanceof Error && "type" in root ? String(root.type) : "";
}

export function isUnknownTopic(error: unknown): boolean {
  return answerOf(error) === "UNKNOWN_TOPIC_OR_PARTITION";
}

/** A group has no coordinator yet: on a new cluster, its topic is created with the first group. */
const coordinatorless = [
  "NOT_COORDINATOR_FOR_GROUP",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
];

export function hasNoCoordinator(error: unknown): boolean {
  return coordinatorless.includes(answerOf(error));
}

/** An error of kafkajs as ours; `doing` says what failed. */
export function toTuError(error: unknown, doing: string): TuError {
  if (error instanceof TuError) return error;
  const root = rootOf(error);
  const reason = root instanceof Error ? root.message : String(root);
  const isRefused = root instanceof Error && root.name === "KafkaJSSASLAuthenticationError";
  const code = isRefused
    ? "E_ACCESS_REFUSED"
    : (permanent[answerOf(error)] ?? "E_SERVICE_UNAVAILABLE");
  return new TuError(code, `${doing}: ${reason}`, { cause: error });
}

export function unavailable(state: string): TuError {
  return new TuError("E_SERVICE_UNAVAILABLE", `the connection to Kafka is ${state}`);
}

export function noTopic(topic: string): TuError {
  return new TuError("E_UNROUTABLE", `there is no topic ${topic}`, {
    hint: "create the topics of the topology before using them",
  });
}
