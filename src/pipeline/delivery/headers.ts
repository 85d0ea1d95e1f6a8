export const headerNames = {
  correlationId: "x-correlation-id",
  schema: "x-schema",
  producer: "x-producer",
  messageId: "x-message-id",
  causationId: "x-causation-id",
  occurredAt: "x-occurred-at",
  attempt: "x-attempt",
  attempts: "x-attempts",
  /** `verified`: size and checksum in an upload event are those of the stored object. */
  claim: "x-claim",
  /** How the flow of a message that names none was found. Never sent by the deployed services. */
  flowLink: "x-flow-link",
} as const;
