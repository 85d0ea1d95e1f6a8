import { crc32 } from "node:zlib";

/**
 * Where a key belongs, as librdkafka's default partitioner (`consistent_random`) decides for the other producers:
 * CRC32 of the key modulo the number of partitions; any partition for an empty key or none.
 */
export function partitionOf(key: Uint8Array | null, partitions: number): number {
  if (key === null || key.length === 0) return Math.floor(Math.random() * partitions);
  return crc32(key) % partitions;
}
