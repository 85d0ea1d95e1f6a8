import type { FlowName } from "../contracts/contract.ts";
import type { KafkaRecognition, RecognitionCompleted } from "../contracts/recognition.ts";
import type { Handler, Reaction, Service } from "../delivery/service.ts";
import type { Retry } from "../engine/definition.ts";
import { retryDelayMs } from "../engine/retry.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Images } from "../ports/images.ts";
import type { Vision } from "../ports/vision.ts";
import { isEnough, recognise } from "../recognition/recognise.ts";
import {
  attemptOf,
  failed,
  isOfOurStore,
  type StepWork,
  silence,
  stepHandler,
} from "../steps/analysis-step.ts";
import { withoutUnverifiedClaim } from "../steps/claim.ts";
import { claimIn, type ImageAccess } from "../steps/image-access.ts";

const name = "svc-ai-vision-adapter";
const step = {
  name: "recognition",
  completed: "recognition.completed",
  failed: "recognition.failed",
};
/** A message to itself in flow `current`, where no other service requests another attempt. */
const retryTimer = "recognition.retry";

export type RecognitionPorts = {
  readonly fetchImage: ImageAccess;
  readonly vision: Vision;
  readonly images: Images;
};

/** Fetches a picture and recognises the machine in it. */
export function recognitionWork({ fetchImage, images, vision }: RecognitionPorts): StepWork {
  return async (message, _attempt, signal): Promise<RecognitionCompleted> => {
    const bytes = await fetchImage(message, signal);
    await images.identify(bytes); // refuses images that must not be decoded
    const [reading, colours] = await Promise.all([
      vision.read(bytes, { isEnough, signal }),
      images.colours(bytes),
    ]);
    const { aggregate, evidence } = recognise(reading.texts, reading.hints);
    return {
      objectKey: message.subject,
      provider: { ...reading.provider, featureset: [...reading.provider.featureset] },
      aggregate: { ...aggregate, attachment: aggregate.attachment && [...aggregate.attachment] },
      evidence: evidence.map((item) => ({ ...item })),
      colours: colours.map((colour) => ({ ...colour })),
    };
  };
}

/** In flow `full` it handles commands; in `current` it consumes the upload topic itself. */
export function createVisionAdapter(options: {
  readonly flow: FlowName;
  readonly work: StepWork;
  readonly retry: Retry;
  /** How many pictures are read at a time. */
  readonly atOnce: number;
}): Service {
  return {
    name,
    endpoints: [
      {
        method: "GET",
        path: "/healthz",
        hop: null,
        handle: async () => ({ status: 200, body: { status: "healthy" } }),
      },
    ],
    handlers:
      options.flow === "full"
        ? { "analysis.recognition.request": stepHandler({ ...step, work: options.work }) }
        : selfDriven(options),
    prefetch: options.atOnce,
  };
}

/**
 * Flow `current`: the upload event is the request, and the service runs its own attempts. Each failure is an event;
 * the last one states that no other follows.
 */
function selfDriven(options: {
  readonly work: StepWork;
  readonly retry: Retry;
}): Readonly<Record<string, Handler>> {
  const attemptsMax = options.retry.max_attempts;
  const run = async (upload: Message, attempt: number, signal: AbortSignal): Promise<Reaction> => {
    try {
      const result = await options.work(upload, attempt, signal);
      if (result === silence) return { outgoing: [] };
      // The work's result is this service's own, in this shape.
      const payload = kafkaBody(result as RecognitionCompleted);
      return { outgoing: [{ name: "tu.recognition.completed", payload }] };
    } catch (error) {
      signal.throwIfAborted();
      if (isOfOurStore(error)) throw error;
      const which = { attempt, attempts: attemptsMax };
      const reaction = failed(step, upload, error, which);
      const isWorthwhile = error instanceof TuError && error.retryable && attempt < attemptsMax;
      return isWorthwhile
        ? { ...reaction, timers: [retryAfter(upload, attempt, options.retry)] }
        : reaction;
    }
  };
  return {
    "tu.images.uploaded": (upload, signal) =>
      run(withoutUnverifiedClaim(upload), attemptOf(upload).attempt, signal),
    [retryTimer]: (timer, signal) => {
      // Written by `retryAfter` below.
      const { attempt } = timer.payload as { attempt: number };
      return run(timer, attempt, signal);
    },
  };
}

function retryAfter(upload: Message, attempt: number, retry: Retry) {
  return {
    name: retryTimer,
    payload: { attempt: attempt + 1, ...claimIn(upload.payload) },
    delayMs: retryDelayMs(retry, attempt, upload.id),
  };
}

function kafkaBody({ aggregate, provider }: RecognitionCompleted): KafkaRecognition {
  const { type, ...rest } = aggregate;
  return { provider, aggregate: { ...rest, machineType: type } };
}
