import { expect, test } from "vitest";
import { TuError } from "../errors.ts";
import { behindJournal } from "./behind-journal.ts";

test("what acts outside waits for the journal, and does nothing when that fails; what reads does not", async () => {
  const seen: string[] = [];
  const acting = (what: string) => async (given: unknown) => {
    seen.push(`${what} ${String(given)}`);
    return what;
  };
  const disk = { isFull: false };
  const journal = {
    async durable() {
      if (disk.isFull) throw new TuError("E_STATE_FULL", "no space left");
      seen.push("on the disk");
    },
  };
  // The methods called here.
  const ports = {
    vision: { read: acting("read"), close: acting("close") },
    machines: { save: acting("save"), find: acting("find") },
    fingerprints: { save: acting("keep"), find: acting("find") },
  } as unknown as Parameters<typeof behindJournal>[0] & {
    machines: { find(id: string): Promise<unknown> };
  };
  const { fingerprints, machines, vision } = behindJournal(ports, journal);
  const effects = [
    () => vision.read("picture" as never, {} as never),
    () => machines.save("machine" as never),
    () => fingerprints.save("hash" as never),
  ];
  for (const effect of effects) await effect();
  expect(seen).toEqual([
    ...["on the disk", "read picture", "on the disk", "save machine"],
    ...["on the disk", "keep hash"],
  ]);
  disk.isFull = true;
  for (const effect of effects)
    await expect(effect()).rejects.toMatchObject({ code: "E_STATE_FULL" });
  await machines.find("id");
  expect(seen.slice(6)).toEqual(["find id"]);
});
