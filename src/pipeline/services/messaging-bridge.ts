import type { KafkaRecognition, RecognitionPayload } from "../contracts/recognition.ts";
import type { ImageUploaded } from "../contracts/upload.ts";
import type { Reaction, Service } from "../delivery/service.ts";
import type { Message } from "../message.ts";

/**
 * Forwards events from Kafka to RabbitMQ, with key and headers (the real one drops both, and with them every way to
 * attribute a result). The recognition's `machineType` arrives as `type`.
 */
export function createMessagingBridge(): Service {
  return {
    name: "svc-messaging-bridge",
    endpoints: [],
    handlers: {
      "tu.images.uploaded": async (message) =>
        // Decoded by its contract, which guarantees this shape.
        forward(message, "tu.image.uploaded", message.payload as ImageUploaded),
      "tu.recognition.completed": async (message) =>
        forward(message, "tu.recognition.completed", slim(message.payload as KafkaRecognition)),
    },
    prefetch: 256, // of each partition: many share a commit of the journal, and a window of confirms
  };
}

function forward(message: Message, name: string, payload: unknown): Reaction {
  return { outgoing: [{ name, payload, headers: message.headers, subject: message.subject }] };
}

function slim({ aggregate, provider }: KafkaRecognition): RecognitionPayload {
  const { machineType, ...rest } = aggregate;
  return { provider, aggregate: { ...rest, type: machineType } };
}
