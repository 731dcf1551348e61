import { readSettings } from './settings';
import { TempoDouble } from './tempo-double';

/** Tempo's own flags, as far as they matter: `-config.file=FILE -config.verify=true`; others are accepted. */
function flag(name: string): string | undefined {
  const prefix = `-config.${name}=`;
  return process.argv.find((argument) => argument.startsWith(prefix))?.slice(prefix.length);
}

async function main(): Promise<void> {
  const settings = readSettings(flag('file') ?? '/conf/tempo.yaml');
  if (flag('verify') === 'true') return;
  const tempo = new TempoDouble(settings);
  process.once('SIGTERM', () => void tempo.stop().then(() => process.exit(0)));
  await tempo.start();
}

main().catch((error: unknown) => {
  process.stderr.write(`level=error msg="error running Tempo" err=${JSON.stringify(String(error))}\n`);
  process.exit(1);
});
