import type { Message } from "../message.ts";

/** What connected clients receive. Events only, never commands. */
export type ClientFeed = {
  publish(message: Message): void;
};
