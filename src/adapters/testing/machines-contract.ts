import { expect, test } from "vitest";
import type {
  Machine,
  MachineObservation,
  Machines,
  Sighting,
} from "../../pipeline/ports/machines.ts";

type Opened = { readonly machines: Machines; readonly close: () => Promise<void> };

const sighting = (flowId: string, values: Partial<Sighting> = {}): Sighting => ({
  flowId,
  objectKey: `images/${flowId}.jpg`,
  seenAt: "2025-11-22T10:00:00.000Z",
  verdict: "new",
  ...values,
});
const observation = (
  machineId: string,
  seen: Sighting,
  values: Partial<MachineObservation> = {},
): MachineObservation => ({
  machineId,
  checksum: null,
  brand: "Volvo",
  type: "Excavator",
  model: "EC300",
  name: "Volvo EC300",
  confidence: 0.8,
  sighting: seen,
  resembles: [],
  ...values,
});

const limit = 1_000;
const all = (machines: Machines) => machines.list({ limit });
const saveAndFind = async (machines: Machines, seen: MachineObservation): Promise<Machine> => {
  const machine = await machines.find(await machines.save(seen));
  if (machine === undefined) throw new Error("what was saved is not there");
  return machine;
};

/** Every Machines adapter must pass this suite. */
export function machinesContract(open: () => Promise<Opened>): void {
  const scenario = (name: string, run: (machines: Machines) => Promise<void>) =>
    test(name, async () => {
      const { machines, close } = await open();
      try {
        await run(machines);
      } finally {
        await close();
      }
    });

  scenario("at first there are none", async (machines) => {
    expect(await all(machines)).toEqual([]);
    expect(await machines.find("m")).toBeUndefined();
    expect(await machines.idsWith("")).toEqual([]);
    expect(await machines.findByObjectKey("images/f1.jpg")).toBeUndefined();
  });

  scenario("the first observation creates the machine", async (machines) => {
    const seen = sighting("f1");
    const resembles = [{ machineId: "other", score: 0.61 }];
    const saved = await saveAndFind(machines, observation("m1", seen, { brand: null, resembles }));
    expect(saved).toEqual({
      id: "m1",
      brand: null,
      type: "Excavator",
      model: "EC300",
      name: "Volvo EC300",
      confidence: 0.8,
      firstSeenAt: seen.seenAt,
      lastSeenAt: seen.seenAt,
      sightings: [seen],
      resembles,
    });
    expect(await machines.find("m1")).toEqual(saved);
    expect(await machines.findByObjectKey("images/f1.jpg")).toEqual(saved);
  });

  scenario("a later observation adds its sighting, oldest first", async (machines) => {
    const [noon, dawn, night] = ["12", "06", "22"].map((hour) =>
      sighting(`f${hour}`, { seenAt: `2025-11-22T${hour}:00:00.000Z`, verdict: "known" }),
    ) as [Sighting, Sighting, Sighting]; // three hours, three sightings
    for (const seen of [noon, dawn, night]) await machines.save(observation("m1", seen));
    const machine = await machines.find("m1");
    expect(machine?.sightings).toEqual([dawn, noon, night]);
    expect(machine).toMatchObject({ firstSeenAt: dawn.seenAt, lastSeenAt: night.seenAt });
  });

  scenario("the surest observation names the machine, the first of equals", async (machines) => {
    const steps = [
      { flowId: "f1", name: "unsure", confidence: 0.5, model: null },
      { flowId: "f2", name: "sure", confidence: 0.9, model: "EC300" },
      { flowId: "f3", name: "as sure", confidence: 0.9, model: "EC220" },
      { flowId: "f4", name: "unsure", confidence: 0.4, model: null },
    ];
    for (const { flowId, ...values } of steps)
      await machines.save(observation("m1", sighting(flowId), values));
    expect(await machines.find("m1")).toMatchObject({
      name: "sure",
      confidence: 0.9,
      model: "EC300",
    });
  });

  scenario("a resemblance has its latest score", async (machines) => {
    const save = (flowId: string, resembles: MachineObservation["resembles"]) =>
      machines.save(observation("m1", sighting(flowId), { resembles }));
    const [a, b] = [
      { machineId: "a", score: 0.6 },
      { machineId: "b", score: 0.7 },
    ] as const;
    await save("f1", [a, b]);
    await save("f2", [{ ...a, score: 0.65 }]);
    expect((await machines.find("m1"))?.resembles).toEqual([b, { ...a, score: 0.65 }]);
  });

  scenario("one flow counts once, also when it names another machine", async (machines) => {
    const first = await saveAndFind(machines, observation("m1", sighting("f1")));
    expect(await machines.save(observation("m1", sighting("f1")))).toBe("m1");
    expect(await machines.save(observation("m2", sighting("f1")))).toBe("m1");
    expect(await all(machines)).toEqual([first]);
  });

  const picture = (flowId: string, values: Partial<MachineObservation> = {}) =>
    observation(`named by ${flowId}`, sighting(flowId), { checksum: "c1", ...values });

  scenario("one picture is one machine, whatever its observations name", async (machines) => {
    const first = await machines.save(picture("f1"));
    const changed = picture("f2", { model: "EC350", confidence: 0.9 });
    const second = await saveAndFind(machines, changed);
    expect(second).toMatchObject({ id: first, model: "EC350" });
    expect(second.sightings.map(({ flowId }) => flowId)).toEqual(["f1", "f2"]);
    expect(await all(machines)).toEqual([second]);
    expect(await machines.find("named by f2")).toBeUndefined();
    expect(await machines.findByObjectKey("images/f2.jpg")).toEqual(second);
    expect(await machines.save(picture("f2"))).toBe(first);
  });

  scenario("observations of one picture at once are one machine", async (machines) => {
    const flows = Array.from({ length: 20 }, (_, index) => `f${index}`);
    const saved = await Promise.all(flows.map((flowId) => machines.save(picture(flowId))));
    expect(new Set(saved).size).toBe(1);
    expect((await all(machines)).map(({ sightings }) => sightings.length)).toEqual([20]);
  });

  scenario("other pictures, and those without a checksum, are where they say", async (machines) => {
    const ids = ["m1", "m2", "m3", "m4"];
    for (const [index, id] of ids.entries())
      await machines.save(
        observation(id, sighting(id), { checksum: index < 2 ? `c${index}` : null }),
      );
    expect(await machines.idsWith("")).toEqual(ids);
  });

  scenario("a picture saved anew that is known goes to the machine it names", async (machines) => {
    const id = await machines.save(picture("f1"));
    const encodedAnew = { machineId: id, checksum: "c2" };
    await machines.save(picture("f2", encodedAnew));
    // From now on that picture belongs to the machine too, known or not.
    expect(await machines.save(picture("f3", { checksum: "c2" }))).toBe(id);
    expect((await machines.find(id))?.sightings.length).toBe(3);
  });

  scenario("no machine resembles itself", async (machines) => {
    const id = await machines.save(picture("f1"));
    const resembles = [id, "other"].map((machineId) => ({ machineId, score: 0.5 }));
    expect((await saveAndFind(machines, picture("f2", { resembles }))).resembles).toEqual([
      { machineId: "other", score: 0.5 },
    ]);
  });

  scenario("many observations at once are all kept", async (machines) => {
    const flows = Array.from({ length: 30 }, (_, index) => `f${index}`);
    await Promise.all(flows.map((flowId) => machines.save(observation("m1", sighting(flowId)))));
    expect((await machines.find("m1"))?.sightings.length).toBe(30);
  });

  scenario("a prefix finds ids that begin with exactly that", async (machines) => {
    for (const id of ["a_1", "a%2", "ab3", "A_4"])
      await machines.save(observation(id, sighting(`flow of ${id}`)));
    const ids = async (prefix: string) => new Set(await machines.idsWith(prefix));
    expect(await ids("a_")).toEqual(new Set(["a_1"]));
    expect(await ids("a%")).toEqual(new Set(["a%2"]));
    expect(await ids("a")).toEqual(new Set(["a_1", "a%2", "ab3"]));
    expect(await ids("ab3")).toEqual(new Set(["ab3"]));
    expect(await ids("")).toEqual(new Set(["a_1", "a%2", "ab3", "A_4"]));
    expect(await ids("\\")).toEqual(new Set());
  });

  scenario("an object key leads to the machine it was first seen as", async (machines) => {
    const objectKey = "images/shared.jpg";
    await machines.save(observation("m1", sighting("f1", { objectKey })));
    await machines.save(observation("m2", sighting("f2", { objectKey })));
    expect((await machines.findByObjectKey(objectKey))?.id).toBe("m1");
  });

  scenario("the list begins with the most recently seen", async (machines) => {
    for (const [id, day] of Object.entries({ old: "01", new: "03", mid: "02" }))
      await machines.save(
        observation(id, sighting(id, { seenAt: `2025-11-${day}T00:00:00.000Z` })),
      );
    const days = async (most: number) => (await machines.list({ limit: most })).map(({ id }) => id);
    expect(await days(9)).toEqual(["new", "mid", "old"]);
    expect(await days(2)).toEqual(["new", "mid"]);
    expect(await days(0)).toEqual([]);
  });

  scenario("the list is read page by page, equals in the order of their ids", async (machines) => {
    const days = ["01", "02", "02", "02", "02", "03"];
    for (const [index, day] of days.entries())
      for (const half of ["a", "b"])
        await machines.save(
          observation(`${half}${index}`, sighting(`${half}${index}`, { seenAt: `2025-11-${day}` })),
        );
    const found: string[] = [];
    for (let page = await machines.list({ limit: 5 }); page.length > 0; ) {
      found.push(...page.map(({ id }) => id));
      const after = page.at(-1);
      page = after === undefined ? [] : await machines.list({ after, limit: 5 });
    }
    expect(found).toEqual([
      "a5",
      "b5",
      ..."1234".split("").map((at) => `a${at}`),
      ..."1234".split("").map((at) => `b${at}`),
      "a0",
      "b0",
    ]);
    expect(await machines.count()).toEqual({ machines: 12, sightings: 12 });
  });

  scenario("those of a model come in the order of their ids", async (machines) => {
    for (const id of ["c", "a", "d", "b"])
      await machines.save(
        observation(id, sighting(id), { brand: id, model: id === "d" ? "EC220" : "EC300" }),
      );
    await machines.save(observation("e", sighting("e"), { model: null }));
    const ids = async (model: string, after: string | null, most: number) =>
      (await machines.ofModel(model, { after, limit: most })).map(({ id }) => id);
    expect(await ids("EC300", null, 9)).toEqual(["a", "b", "c"]);
    expect(await ids("EC300", "a", 1)).toEqual(["b"]);
    expect(await ids("EC220", null, 9)).toEqual(["d"]);
    expect(await ids("ec300", null, 9)).toEqual([]);
    // One recognised better later belongs to the model it has then.
    await machines.save(observation("a", sighting("f"), { model: "EC220", confidence: 0.99 }));
    expect(await ids("EC300", null, 9)).toEqual(["b", "c"]);
    const [summary] = await machines.ofModel("EC220", { after: null, limit: 1 });
    expect(summary).toEqual({ ...(await machines.find("a")), sightings: undefined });
  });

  scenario("a picture leads to its machine, when it was seen elsewhere too", async (machines) => {
    const id = await machines.save(picture("f1"));
    expect(await machines.ofPicture("c1", "images/f1.jpg")).toBeUndefined();
    expect(await machines.ofPicture("c1", "images/f2.jpg")).toMatchObject({ id, model: "EC300" });
    expect(await machines.ofPicture("c2", "images/f2.jpg")).toBeUndefined();
    await machines.save(picture("f2"));
    expect(await machines.ofPicture("c1", "images/f1.jpg")).toMatchObject({ id });
  });

  scenario("what is cleared is gone, and may come again", async (machines) => {
    await machines.save(picture("f1"));
    await machines.clear();
    expect(await machines.count()).toEqual({ machines: 0, sightings: 0 });
    expect(await all(machines)).toEqual([]);
    expect(await machines.ofPicture("c1", "")).toBeUndefined();
    const anew = observation("m2", sighting("f1"), { checksum: "c1" });
    expect(await machines.save(anew)).toBe("m2");
  });
}
