import type { Message } from "../../pipeline/message.ts";
import type { ClientFeed } from "../../pipeline/ports/client-feed.ts";

/**
 * In-process fan-out of events to the open subscriptions. Not yoga's pub-sub: its iterators start listening on their
 * first `next`, and lose an event that arrives between the subscription and that call.
 */
export type Feed = ClientFeed & {
  /** Messages from this call on; ends when the iterator is returned or the feed closes. */
  subscribe(isWanted: (message: Message) => boolean): AsyncIterableIterator<Message>;
  close(): void;
};

type Listener = { push(message: Message): void; end(): void };

export function createFeed(): Feed {
  const listeners = new Set<Listener>();
  return {
    publish(message) {
      for (const listener of listeners) listener.push(message);
    },
    subscribe(isWanted) {
      const waiting: Message[] = [];
      let wake: (() => void) | undefined;
      let isOpen = true;
      const listener: Listener = {
        push(message) {
          if (!isWanted(message)) return;
          waiting.push(message);
          wake?.();
        },
        end() {
          isOpen = false;
          listeners.delete(listener);
          wake?.();
        },
      };
      listeners.add(listener);
      const iterator: AsyncIterableIterator<Message> = {
        async next() {
          while (isOpen && waiting.length === 0) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          const value = waiting.shift();
          return value === undefined ? { done: true, value } : { done: false, value };
        },
        async return() {
          listener.end();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    },
    close() {
      for (const listener of listeners) listener.end();
    },
  };
}
