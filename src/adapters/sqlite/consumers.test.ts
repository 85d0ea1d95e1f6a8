import { expect, onTestFinished, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { createConsumers, transport } from "./consumers.ts";
import { openDatabase } from "./database.ts";
import { migrate } from "./migrations.ts";

async function opened() {
  const { directory, remove } = await createTemporaryDirectory();
  const open = async () => {
    const database = await openDatabase(`${directory}/flow.db`, 0);
    migrate(database);
    return { database, consumers: createConsumers(database) };
  };
  const [one, two] = [await open(), await open()];
  onTestFinished(async () => {
    one.database.close();
    two.database.close();
    await remove();
  });
  return { one, two };
}

test("a name has one number per file, for every process", async () => {
  const { one, two } = await opened();
  expect(one.consumers.known("svc-a")).toBe(-1);
  const number = one.consumers.numberOf("svc-a");
  expect(one.consumers.numberOf("svc-b")).not.toBe(number);
  expect([two.consumers.known("svc-a"), two.consumers.numberOf("svc-a")]).toEqual([number, number]);
  expect(two.consumers.nameOf(number)).toBe("svc-a");
  expect(one.consumers.numberOf(transport)).toBe(0);
  expect(() => two.consumers.nameOf(99)).toThrow(/99/);
});

test("a number that was not committed is not remembered", async () => {
  const { one, two } = await opened();
  const failing = () =>
    one.database.transaction(() => {
      one.consumers.numberOf("svc-a");
      throw new Error("full");
    });
  expect(failing).toThrow("full");
  const number = two.consumers.numberOf("svc-b");
  expect(one.consumers.numberOf("svc-a")).not.toBe(number);
  expect(two.consumers.nameOf(one.consumers.numberOf("svc-a"))).toBe("svc-a");
});
