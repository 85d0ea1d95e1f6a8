// Object storage: MinIO, one node on one drive.
import { join } from "node:path";
import { type GoProgram, goInstall, pathOf } from "./go-install.ts";
import { credentialsIn } from "./s3-credentials.ts";
import type { Service } from "./service.ts";

const program: GoProgram = {
  path: "github.com/minio/minio",
  version: "v0.0.0-20260212201848-7aac2a2c5b7c",
  goMinor: 24,
};

/** With the names that the storage service reads. */
const variableNames = [
  "Minio__Endpoint",
  "Minio__PublicBaseUrl",
  "Minio__UseSsl",
  "Minio__Region",
  "Minio__BucketName",
  "Minio__AccessKey",
  "Minio__SecretKey",
];
const region = "eu-central-1";

export const s3: Service = {
  name: "s3",
  needs: [], // `goInstall` says what is missing: any Go will not do
  portNames: ["api"],
  variableNames,
  variables({ api }, directory) {
    const { accessKey, secretKey } = credentialsIn(directory);
    return {
      Minio__Endpoint: `127.0.0.1:${api}`,
      Minio__PublicBaseUrl: `http://127.0.0.1:${api}`,
      Minio__UseSsl: "false",
      Minio__Region: region,
      Minio__BucketName: "trackunit-images",
      Minio__AccessKey: accessKey,
      Minio__SecretKey: secretKey,
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
    };
  },
  install: (cache) => goInstall(program, cache),
  async prepare({ cache, directory, ports }) {
    const { accessKey, secretKey } = credentialsIn(directory);
    return {
      command: pathOf(program, cache),
      args: ["server", join(directory, "data"), "--address", `127.0.0.1:${ports["api"]}`],
      environment: {
        MINIO_ROOT_USER: accessKey,
        MINIO_ROOT_PASSWORD: secretKey,
        MINIO_SITE_REGION: region,
        MINIO_BROWSER: "off",
        MINIO_UPDATE: "off",
      },
      isUp: (output) => output.includes("API: http://127.0.0.1:"),
    };
  },
};
