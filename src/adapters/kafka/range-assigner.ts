import type { AssignerProtocol, Cluster, PartitionAssigner } from "kafkajs";

type Protocol = typeof AssignerProtocol;

/**
 * The assignment named `range` of Kafka's and librdkafka's consumers, so that ours can share a group with them: each
 * topic's partitions in order, in one run per member; the first members take what does not divide evenly.
 * `onCluster` gets the connection of the consumer that uses it.
 */
export function createRangeAssigner(
  protocol: Protocol,
  onCluster: (cluster: Cluster) => void,
): PartitionAssigner {
  return ({ cluster }) => {
    onCluster(cluster);
    return {
      name: "range",
      version: 0,
      protocol: ({ topics }) => ({
        name: "range",
        metadata: protocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
      }),
      async assign({ members }) {
        const topicsOf = new Map(
          members.map(({ memberId, memberMetadata }) => [
            memberId,
            protocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
          ]),
        );
        const shares = rangesOf(topicsOf, (topic) =>
          cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
        );
        return [...shares].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: protocol.MemberAssignment.encode({
            version: 0,
            assignment,
            userData: Buffer.alloc(0),
          }),
        }));
      },
    };
  };
}

type Share = { [topic: string]: number[] };

export function rangesOf(
  topicsOf: ReadonlyMap<string, readonly string[]>,
  partitionsOf: (topic: string) => readonly number[],
): ReadonlyMap<string, Share> {
  const ids = [...topicsOf.keys()].sort();
  const shares = new Map(ids.map((id): [string, Share] => [id, {}]));
  for (const topic of new Set([...topicsOf.values()].flat())) {
    const partitions = [...partitionsOf(topic)].sort((a, b) => a - b);
    const takers = ids.filter((id) => topicsOf.get(id)?.includes(topic));
    const [each, over] = [
      Math.floor(partitions.length / takers.length),
      partitions.length % takers.length,
    ];
    for (const [index, id] of takers.entries()) {
      const first = index * each + Math.min(index, over);
      const share = partitions.slice(first, first + each + (index < over ? 1 : 0));
      if (share.length > 0) Object.assign(shares.get(id) ?? {}, { [topic]: share });
    }
  }
  return shares;
}
