import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-28';

/**
 * What a pod of the runner asks for and may take.
 *
 * The runner streams: its memory stays below 200 MiB however large the data is. There is no limit on CPU, as throttling would only make
 * a backup take longer; its request keeps it from Tempo's.
 */
export interface RunnerResources {
  /**
   * CPU that is kept for it.
   *
   * @default Cpu.millis(100)
   */
  readonly cpuRequest?: Cpu;

  /**
   * Memory that is kept for it.
   *
   * @default Size.mebibytes(256)
   */
  readonly memoryRequest?: Size;

  /**
   * Memory above which it is killed.
   *
   * @default Size.mebibytes(384)
   */
  readonly memoryLimit?: Size;
}

/**
 * As a container states it.
 *
 * @internal
 */
export function _resourceRequirements(resources: RunnerResources): k8s.ResourceRequirements {
  const {
    cpuRequest = Cpu.millis(100),
    memoryRequest = Size.mebibytes(256),
    memoryLimit = Size.mebibytes(384),
  } = resources;
  if (memoryLimit.toKibibytes() < memoryRequest.toKibibytes()) {
    const [limit, request] = [memoryLimit, memoryRequest].map((size) => `${size.toMebibytes()} MiB`);
    throw new Error(`'memoryLimit' must not be below 'memoryRequest', got ${limit ?? ''} with ${request ?? ''}`);
  }
  return {
    requests: { cpu: quantity(cpuRequest.amount), memory: quantity(`${memoryRequest.toMebibytes()}Mi`) },
    limits: { memory: quantity(`${memoryLimit.toMebibytes()}Mi`) },
  };
}

function quantity(text: string): k8s.Quantity {
  return k8s.Quantity.fromString(text);
}
