// Finds promises that nobody waits for: a statement whose value is thenable, and that neither awaits it, hands it on, handles its rejection nor
// says `void`. A rejection there ends the process, or is lost.
//
// Biome has a rule of this name, but doesn't see types that are declared as ambient modules, which are all of node's own: `readFile(path);`
// from node:fs/promises passes it (2.6.8). This asks the compiler. Usage: node test/gate/floating-promises.ts [FOLDER], exit code 1 where
// there is one.

import { join, relative } from 'node:path';
import ts from 'typescript';

const folder = process.argv[2] ?? '.';
const problems = floatingPromises(folder);
for (const problem of problems) process.stdout.write(`${problem}\n`);
if (problems.length > 0) process.exitCode = 1;

/** One line for each, e.g. `daemon/run.ts(12,3): error floating-promise: …`, for all files of `folder`/tsconfig.json. */
function floatingPromises(root: string): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  // A gate that looks at nothing is always green.
  if (fileNames.length === 0) throw new RangeError(`Cannot look for floating promises: "${root}/tsconfig.json" names no file`);
  const program = ts.createProgram(fileNames, options);
  const checker = program.getTypeChecker();
  return fileNames.flatMap((fileName) => {
    const file = program.getSourceFile(fileName);
    return file === undefined ? [] : floatingStatements(file, checker).map((statement) => describe(root, file, statement));
  });
}

function floatingStatements(file: ts.SourceFile, checker: ts.TypeChecker): ts.ExpressionStatement[] {
  const found: ts.ExpressionStatement[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && !isHandled(node.expression) && isThenable(checker.getTypeAtLocation(node.expression), checker)) {
      found.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** `this.turn = p`; `p.catch(handler)`, `p.then(next, handler)`, and either with `.finally(…)` behind it. */
function isHandled(expression: ts.Expression): boolean {
  if (ts.isBinaryExpression(expression)) return isAssignment(expression.operatorToken.kind);
  if (!ts.isCallExpression(expression) || !ts.isPropertyAccessExpression(expression.expression)) return false;
  const { name, expression: receiver } = expression.expression;
  if (name.text === 'finally') return isHandled(receiver);
  return (name.text === 'catch' && expression.arguments.length >= 1) || (name.text === 'then' && expression.arguments.length >= 2);
}

function isAssignment(operator: ts.SyntaxKind): boolean {
  return operator >= ts.SyntaxKind.FirstAssignment && operator <= ts.SyntaxKind.LastAssignment;
}

/** Also where only one member of a union is: `isReady && save()`. */
function isThenable(type: ts.Type, checker: ts.TypeChecker): boolean {
  if (type.isUnion()) return type.types.some((member) => isThenable(member, checker));
  const then = checker.getPropertyOfType(type, 'then');
  return then !== undefined && checker.getTypeOfSymbol(then).getCallSignatures().length > 0;
}

function describe(root: string, file: ts.SourceFile, statement: ts.Statement): string {
  const { line, character } = file.getLineAndCharacterOfPosition(statement.getStart());
  const place = `${relative(root, file.fileName)}(${line + 1},${character + 1})`;
  return `${place}: error floating-promise: await it, return it, add .catch(…), or say void where the rejection is handled elsewhere`;
}
