// Loaded into the pipeline before its own code: says how many bytes are alive after a collection, when it is asked.
process.on("message", () => {
  globalThis.gc?.();
  const { arrayBuffers, external, heapUsed } = process.memoryUsage();
  process.send?.({ heapUsed, external, arrayBuffers });
});
process.channel?.unref(); // asking keeps no process alive
