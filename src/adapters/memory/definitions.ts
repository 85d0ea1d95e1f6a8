import type { Definitions } from "../../pipeline/ports/definitions.ts";

/** Definitions, for the lifetime of the process. */
export function createMemoryDefinitions(): Definitions {
  const kept = new Map<string, unknown>();
  return {
    async keep(pin, definition) {
      if (!kept.has(pin)) kept.set(pin, definition);
    },
    async find(pin) {
      const [found] =
        [...kept].find(([known]) => known === pin || known.startsWith(`${pin}#`)) ?? [];
      return found === undefined ? undefined : kept.get(found);
    },
  };
}
