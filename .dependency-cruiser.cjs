// The arrows of ARCHITECTURE.md as rules. `scripts/check-arrows.ts` plants a violation of each one
// and sees it caught.

const core = "^src/pipeline";
const notTests = { pathNot: "[.](test|samples)[.]tsx?$" };

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "pipeline-is-the-core",
      severity: "error",
      comment: "The core knows neither its adapters nor its commands.",
      from: { path: core, ...notTests },
      to: { path: "^src/(adapters|commands|simulation)" },
    },
    {
      name: "pipeline-does-no-io",
      severity: "error",
      comment: "No Node built-ins in the core: time, files and sockets come through ports.",
      from: { path: core, ...notTests },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "pipeline-depends-on-zod-only",
      severity: "error",
      comment: "The only package the core may import.",
      from: { path: core, ...notTests },
      to: { path: "node_modules", pathNot: "node_modules/zod/" },
    },
    {
      name: "adapters-do-not-know-commands",
      severity: "error",
      from: { path: "^src/adapters" },
      to: { path: "^src/(commands|simulation)" },
    },
    {
      name: "adapters-see-the-contract-only",
      severity: "error",
      comment:
        "Adapters know ports, messages, contracts, reports, rules of the domain, errors, the order of a key and how waiting is given up; not the shell.",
      from: { path: "^src/adapters", ...notTests },
      to: {
        path: "^src/pipeline/",
        pathNot: [
          "^src/pipeline/((message|errors|once|or-aborted|key-lines)[.]ts|(ports|contracts|domain|reports)/)",
          // Pure geometry of reading, which runs where the networks are.
          "^src/pipeline/scene-text/",
        ],
      },
    },
    {
      name: "adapters-are-strangers",
      severity: "error",
      comment: "One technology per folder; two folders meet only in the composition.",
      from: { path: "^src/adapters/([^/]+)/", ...notTests },
      to: {
        path: "^src/adapters/([^/]+)/",
        pathNot: ["^src/adapters/$1/", "^src/adapters/testing/"],
      },
    },
    {
      name: "only-compose-names-adapters",
      severity: "error",
      comment: "Except the terminal's lines, which every command prints with.",
      from: {
        path: "^src/commands",
        pathNot: "^src/commands/compose[a-z-]*[.]ts$|[.](test|samples)[.]ts$",
      },
      to: { path: "^src/adapters", pathNot: "^src/adapters/terminal/" },
    },
    {
      name: "compose-loads-adapters-lazily",
      severity: "error",
      comment: "An adapter is paid for by the path that uses it.",
      from: { path: "^src/commands/compose[a-z-]*[.]ts$" },
      to: { path: "^src/adapters", dependencyTypesNot: ["type-only", "dynamic-import"] },
    },
    {
      name: "commands-are-strangers-to-main",
      severity: "error",
      comment: "Only main.ts knows every command.",
      from: { path: "^src/commands/(?!main[.])" },
      to: { path: "^src/commands/main[.]ts" },
    },
    {
      name: "main-loads-commands-lazily",
      severity: "error",
      from: { path: "^src/commands/main[.]ts$" },
      to: {
        path: "^src/commands",
        pathNot: "^src/commands/(?:output|usage)[.]ts$",
        dependencyTypesNot: ["type-only", "dynamic-import"],
      },
    },
    {
      name: "simulation-is-not-shipped",
      severity: "error",
      from: { path: "^src/(?!simulation)" },
      to: { path: "^src/simulation" },
    },
    {
      name: "heavy-packages-load-lazily",
      severity: "error",
      comment: "Imported dynamically or for their types only.",
      from: { path: "^src", pathNot: "[.](test|samples)[.]tsx?$|/testing/" },
      to: {
        path: "node_modules/(@google-cloud/vision|google-gax|sharp|onnxruntime-web|libsql|kysely|kafkajs|amqplib|minio|fastify|graphql-yoga|graphql-ws|ws|cosmiconfig)/",
        dependencyTypesNot: ["type-only", "dynamic-import"],
      },
    },
    {
      name: "stand-ins-are-strangers",
      severity: "error",
      comment:
        "The deployed services' stand-ins share nothing with what they are tried against: one misunderstanding must not be on both sides.",
      from: { path: "^src/adapters/testing/deployed/" },
      to: { path: "^src/", pathNot: "^src/adapters/testing/deployed/" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: { orphan: true, pathNot: "[.]d[.]ts$" },
      to: {},
    },
    {
      name: "tests-are-leaves",
      severity: "error",
      from: { pathNot: "[.](test|samples)[.]tsx?$|/testing/" },
      to: { path: "([.](test|samples)[.]tsx?$|/testing/)" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
