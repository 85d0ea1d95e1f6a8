import * as z from "zod";

/** A machine, as stored by the machine storage. */
export const Machine = z.object({
  id: z.string(),
  brand: z.string().nullable(),
  type: z.string().nullable(),
  model: z.string().nullable(),
  name: z.string(),
  confidence: z.number(),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
  sightings: z.array(
    z.object({
      flowId: z.string(),
      objectKey: z.string(),
      seenAt: z.string(),
      verdict: z.enum(["new", "known", "ambiguous"]),
    }),
  ),
  resembles: z.array(z.object({ machineId: z.string(), score: z.number() })),
});

/** Output of `machines show -o json`, and each line of `machines -o jsonl`. */
export const MachineReport = Machine.extend({ schema: z.literal("tu-analyze/machine@1") });
export type MachineReport = z.infer<typeof MachineReport>;

/** Output of `machines -o json`. */
export const MachinesReport = z.object({
  schema: z.literal("tu-analyze/machines@1"),
  machines: z.array(Machine),
});
