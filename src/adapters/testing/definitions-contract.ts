import { expect, test } from "vitest";
import type { Definitions } from "../../pipeline/ports/definitions.ts";

type Opened = { readonly definitions: Definitions; readonly close: () => Promise<void> };

/** Every Definitions adapter must pass this suite. */
export function definitionsContract(open: () => Promise<Opened>): void {
  const scenario = (name: string, run: (definitions: Definitions) => Promise<void>) =>
    test(name, async () => {
      const { definitions, close } = await open();
      try {
        await run(definitions);
      } finally {
        await close();
      }
    });

  scenario("what was kept is found by its pin, and never changes", async (definitions) => {
    await definitions.keep("a@1#aa", { steps: [1] });
    await definitions.keep("a@1#aa", { steps: [2] });
    expect(await definitions.find("a@1#aa")).toEqual({ steps: [1] });
  });

  scenario("what nobody kept is not found", async (definitions) => {
    await definitions.keep("a@10#aa", {});
    for (const pin of ["a@1", "a@1#aa", "a@10#a", "", "a"])
      expect(await definitions.find(pin)).toBeUndefined();
  });

  scenario("a version without a hash finds one of that version", async (definitions) => {
    await definitions.keep("a@2#bb", { two: true });
    await definitions.keep("a@1#cc", { one: true });
    expect(await definitions.find("a@1")).toEqual({ one: true });
  });
}
