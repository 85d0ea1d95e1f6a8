import type { Message } from "../message.ts";

/** What connected clients hear. Events only; commands never reach them. */
export type ClientFeed = {
  publish(message: Message): void;
};
