// Object storage by another hand than MinIO's: Versity's gateway over a directory.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type GoProgram, goInstall, pathOf } from "./go-install.ts";
import { credentialsIn } from "./s3-credentials.ts";
import type { Service } from "./service.ts";

const program: GoProgram = {
  path: "github.com/versity/versitygw/cmd/versitygw",
  version: "v1.8.0",
  goMinor: 25,
};
const region = "eu-central-1";

export const versitygw: Service = {
  name: "versitygw",
  needs: [], // `goInstall` says what is missing: any Go will not do
  portNames: ["api"],
  variableNames: [
    "Versitygw__Endpoint",
    "Versitygw__Region",
    "Versitygw__AccessKey",
    "Versitygw__SecretKey",
  ],
  /** No service of the pipeline reads these: its storage service has one server, and that is MinIO. */
  variables({ api }, directory) {
    const { accessKey, secretKey } = credentialsIn(directory);
    return {
      Versitygw__Endpoint: `127.0.0.1:${api}`,
      Versitygw__Region: region,
      Versitygw__AccessKey: accessKey,
      Versitygw__SecretKey: secretKey,
    };
  },
  install: (cache) => goInstall(program, cache),
  async prepare({ cache, directory, ports }) {
    const { accessKey, secretKey } = credentialsIn(directory);
    const data = join(directory, "data");
    await mkdir(data, { recursive: true });
    return {
      command: pathOf(program, cache),
      args: ["--port", `127.0.0.1:${ports["api"]}`, "--region", region, "posix", data],
      environment: { ROOT_ACCESS_KEY_ID: accessKey, ROOT_SECRET_ACCESS_KEY: secretKey },
      isUp: (output) => output.includes("service listening on"),
    };
  },
};
