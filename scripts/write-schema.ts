import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnerConfigJsonSchema } from '../lib/contract/runner-config';

const file = join(__dirname, '..', 'schema', 'runner-config.json');
writeFileSync(file, `${JSON.stringify(runnerConfigJsonSchema(), undefined, 2)}\n`);
