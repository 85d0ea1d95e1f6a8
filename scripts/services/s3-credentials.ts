import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Credentials = { readonly accessKey: string; readonly secretKey: string };

/** Those of the server in this directory: made on the first call, private, and kept with its data. */
export function credentialsIn(directory: string): Credentials {
  const file = join(directory, "credentials.json");
  const made = { accessKey: `tu-${hex(6)}`, secretKey: hex(20) };
  try {
    writeFileSync(file, JSON.stringify(made), { flag: "wx", mode: 0o600 });
    return made;
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EEXIST") throw error;
    return JSON.parse(readFileSync(file, "utf8")) as Credentials; // written above
  }
}

const hex = (bytes: number) => randomBytes(bytes).toString("hex");
