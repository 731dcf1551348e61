import ts from 'typescript';
import { filesBelow, readSource } from './source-files';

interface Gap {
  readonly where: string;
  readonly lacks: string;
}

/** Members of exported interfaces and public members of exported classes that lack a doc comment, and optional ones without `@default`. */
function gapsIn(path: string, text: string): Gap[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  return file.statements.filter(isExported).flatMap((statement) => {
    if (!ts.isInterfaceDeclaration(statement) && !ts.isClassDeclaration(statement)) return [];
    return statement.members.filter(isPublicMember).flatMap((member) => gapsOf(member, file));
  });
}

function gapsOf(member: ts.ClassElement | ts.TypeElement, file: ts.SourceFile): Gap[] {
  const line = file.getLineAndCharacterOfPosition(member.getStart()).line + 1;
  const where = `${file.fileName}:${line} ${member.name?.getText(file) ?? ''}`;
  const gaps: Gap[] = [];
  const documented = ts.getJSDocCommentsAndTags(member).length > 0;
  if (!documented) gaps.push({ where, lacks: 'a doc comment' });
  const optional = ts.isPropertySignature(member) && member.questionToken !== undefined;
  const tags = ts.getJSDocTags(member).map((tag) => tag.tagName.text);
  if (optional && !tags.includes('default')) gaps.push({ where, lacks: '@default' });
  return gaps;
}

function isExported(statement: ts.Statement): boolean {
  return ts.canHaveModifiers(statement) && has(statement, ts.SyntaxKind.ExportKeyword);
}

function isPublicMember(member: ts.ClassElement | ts.TypeElement): boolean {
  if (ts.isConstructorDeclaration(member) || member.name === undefined || ts.isPrivateIdentifier(member.name))
    return false;
  const inherited = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword, ts.SyntaxKind.OverrideKeyword];
  return !inherited.some((kind) => has(member, kind));
}

function has(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);
}

describe('the documentation of exported members in lib', () => {
  it.each(filesBelow('lib', '.ts'))('is complete in %s', (path) => {
    expect(gapsIn(path, readSource(path))).toEqual([]);
  });

  it('is found wanting where a comment or a default is missing', () => {
    const text = `export interface A {
      bare: string;
      /** Said. */
      optional?: number;
      /**
       * Said.
       * @default 3
       */
      whole?: number;
    }
    interface Internal { bare: string }`;
    expect(gapsIn('a.ts', text)).toEqual([
      { where: 'a.ts:2 bare', lacks: 'a doc comment' },
      { where: 'a.ts:4 optional', lacks: '@default' },
    ]);
  });
});
