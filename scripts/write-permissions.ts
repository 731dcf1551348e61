import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withPermissions } from './permissions-table';

const file = join(__dirname, '..', 'docs/components/permissions.md');
writeFileSync(file, withPermissions(readFileSync(file, 'utf8')));
