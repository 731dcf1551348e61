import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { RestoreResult } from '../lib/contract/results';

/** Where the kubelet looks for what a container has to say at its end. */
export const TERMINATION_LOG = '/dev/termination-log';
/** What it takes of it. */
const LIMIT = 4096;
/** Longest lists and texts, tried in this order until it fits. */
const SHORTENINGS = [
  { list: 32, text: 2000 },
  { list: 8, text: 1000 },
  { list: 4, text: 500 },
  { list: 1, text: 250 },
  { list: 0, text: 100 },
] as const;

const failure = z.object({
  message: z.string(),
  lift: z.string().optional(),
  evidence: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

const messageSchema = z.object({
  exitCode: z.number().int(),
  /** As on standard output; lists and texts may have been cut off. */
  result: z.record(z.string(), z.unknown()).optional(),
  error: failure.optional(),
  /** Whether something was cut off. */
  shortened: z.boolean().optional(),
});

/** The last words of a run in a pod: what came of it, for whoever may read the pod but not its log. */
export type TerminationMessage = z.infer<typeof messageSchema>;

/** Writes it to a file that is there already, as in every container of Kubernetes. Never the reason for a run to fail. */
export async function leaveTerminationMessage(
  path: string | undefined,
  message: object,
  warn: (text: string) => void,
): Promise<void> {
  if (path === undefined || !existsSync(path)) return;
  try {
    await writeFile(path, terminationText(message));
  } catch (error) {
    warn(
      `write '${path}': ${(error as NodeJS.ErrnoException).code ?? String(error)}; the log alone says how this run ended`,
    );
  }
}

/** As JSON that fits. */
export function terminationText(message: object): string {
  const whole = JSON.stringify(message);
  if (fits(whole)) return whole;
  const texts = SHORTENINGS.map((limits) =>
    JSON.stringify({ ...(shortened(message, limits) as object), shortened: true }),
  );
  return texts.find(fits) ?? JSON.stringify({ exitCode: (message as TerminationMessage).exitCode, shortened: true });
}

/** Undefined when it is none of ours: the container was killed, or something else ran in it. */
export function readTerminationMessage(text: string): TerminationMessage | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The result of a restore in a message. What was cut off is only ever the end of a list. */
export function restoreResultIn({ result }: TerminationMessage): RestoreResult | undefined {
  return result && 'recoveryPoint' in result ? (result as unknown as RestoreResult) : undefined;
}

function fits(text: string): boolean {
  return Buffer.byteLength(text) <= LIMIT;
}

function shortened(value: unknown, limits: (typeof SHORTENINGS)[number]): unknown {
  if (typeof value === 'string') return value.length > limits.text ? `${value.slice(0, limits.text)}…` : value;
  if (Array.isArray(value)) return value.slice(0, limits.list).map((each) => shortened(each, limits));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shortened(each, limits)]));
}
