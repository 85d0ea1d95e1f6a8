/**
 * The gateway's schema. The first half is that of the real gateway; our additions are optional for its clients: the
 * `correlationId` that ties start, confirm and subscriptions together, the failed end, and one subscription to every
 * event of a flow.
 */
export const typeDefs = /* GraphQL */ `
  scalar DateTime
  scalar JSON

  type Query {
    ping: String!
  }

  type Mutation {
    startUpload(filename: String!, contentType: String!): StartUploadPayload!
    confirmUpload(
      uploadId: String!
      bytes: Int!
      checksum: String!
      correlationId: String
    ): ConfirmUploadPayload!
  }

  type Subscription {
    onAnalysisStarted(correlationId: String): AnalysisStarted!
    onAnalysisCompleted(correlationId: String): AnalysisCompleted!
    onAnalysisFailed(correlationId: String): AnalysisFailed!
    onAnalysisEvent(correlationId: String): AnalysisEvent!
  }

  type StartUploadPayload {
    correlationId: String!
    imageUploadPayload: ImageUploadPayload!
  }
  type ImageUploadPayload {
    uploadId: String!
    key: String!
    putUrl: String!
    expiresAt: DateTime!
  }
  type ConfirmUploadPayload {
    status: String!
  }
  type AnalysisStarted {
    objectKey: String!
    correlationId: String
  }
  type AnalysisCompleted {
    success: Boolean!
    recognitionPayload: RecognitionCompleted
    objectKey: String
    correlationId: String
    machineId: String
    comparison: JSON
    metadata: JSON
  }
  type AnalysisFailed {
    objectKey: String!
    correlationId: String
    step: String!
    code: String!
    reason: String!
    retryable: Boolean!
    attempt: Int!
    attempts: Int!
  }
  type RecognitionCompleted {
    provider: AIProviderDto!
    aggregate: MachineAggregateDto!
  }
  type AIProviderDto {
    name: String!
    apiVersion: String
    featureset: [String!]!
    maxResults: Int
  }
  type MachineAggregateDto {
    brand: String
    type: String
    model: String
    confidence: Float!
    isConfident: Boolean!
    typeConfidence: Float
    typeSource: String
    name: String
  }
  """
  Any event of an analysis. The first has no id and the name "subscribed"; no later event is missed.
  """
  type AnalysisEvent {
    name: String!
    id: String
    correlationId: String
    objectKey: String
    occurredAt: DateTime
    payload: JSON
  }
`;
