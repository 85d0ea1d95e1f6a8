export const headerNames = {
  correlationId: "x-correlation-id",
  schema: "x-schema",
  producer: "x-producer",
  messageId: "x-message-id",
  causationId: "x-causation-id",
  occurredAt: "x-occurred-at",
  attempt: "x-attempt",
  attempts: "x-attempts",
  /** `verified`: size and checksum in an upload event match the stored object. */
  claim: "x-claim",
  /** How the flow was found if the message names none. Never sent by the deployed services. */
  flowLink: "x-flow-link",
} as const;
