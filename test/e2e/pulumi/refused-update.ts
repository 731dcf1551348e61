import type { PulumiFn } from '@pulumi/pulumi/automation';
import { openStack, type StackPlace } from './stack-under-test';

process.on('unhandledRejection', () => undefined);

interface Told {
  readonly place: StackPlace;
  readonly module: string;
  readonly args: object;
}

async function main({ place, module, args }: Told): Promise<void> {
  const { program } = (await import(module)) as { program: (args: object) => PulumiFn };
  const stack = await openStack(place, program(args));
  const outcome = await stack.up().then(
    () => 'done',
    (error: unknown) => `refused: ${String(error)}`,
  );
  process.stdout.write(outcome, () => process.exit());
}

void main(JSON.parse(process.argv[2] ?? '{}') as Told);
