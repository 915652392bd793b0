/**
 * Finds the checks of a source and writes each so that it can be switched off. A check is what stands
 * between a command and its `apply`, in `verify` and the functions that it asks, and what else
 * refuses:
 *
 *   if (A) return refusal          gone: A is false; of `A || B`, each alone as well; `throw` alike
 *   if (A && B) return undefined   gone: A is true, B is true
 *   return refusal                 gone: undefined
 *   first(…) ?? second(…)          gone: each alone is undefined
 *   return A ? fine : refusal      gone: A is true, its parts as above; the other way round alike
 *   a predicate `A && B`           gone: A is true, B is true; of `A || B`, each alone is false
 *   if (A) return false            gone: A is false, its parts as above
 *
 * The TypeScript that compiles the project has no parser for JavaScript programs yet, so this uses
 * the one that the test runner brings.
 */
import { parseAst } from 'vitest/node';

/** What asks at run time whether a check is off, and notes what one says that is on; runner.mjs defines both. */
const [SWITCH, NOTE] = ['isSwitchedOff', 'noted'];

/** A source with all of its checks switchable, numbered from `first`; and what they are. */
export function instrument(source, first) {
  const checks = [];
  const edits = [];
  const add = (node, gone) => {
    const number = first + checks.length;
    const line = source.slice(0, node.start).split('\n').length;
    const text = source.slice(node.start, node.end).replace(/\s+/g, ' ');
    checks.push({ number, line, text, gone });
    const { start, end } = node;
    const open = `(${SWITCH}(${number}) ? ${gone} : ${NOTE}(${number}, `;
    edits.push({ at: start, other: end, text: open });
    edits.push({ at: end, other: start, text: `, ${gone}))` });
  };
  for (const body of decidingBodies(parseAst(source, { lang: 'ts' }), source))
    findChecks(body, add);
  return { checks, source: apply(source, edits) };
}

/** Inner brackets close before outer ones, and open after them. */
function apply(source, edits) {
  const closes = ({ at, other }) => other < at;
  const sorted = edits.toSorted(
    (a, b) => a.at - b.at || closes(b) - closes(a) || b.other - a.other,
  );
  let [out, from] = ['', 0];
  for (const { at, text } of sorted) {
    out += source.slice(from, at) + text;
    from = at;
  }
  return out + source.slice(from);
}

/** Functions that give refusals or answer yes or no: what does neither changes or computes something. */
function* decidingBodies(node, source, name = '') {
  if (Array.isArray(node)) {
    for (const item of node) yield* decidingBodies(item, source);
    return;
  }
  if (typeof node?.type !== 'string') return;
  if (/Function/.test(node.type) && node.body?.type === 'BlockStatement') {
    const { returnType, id, body } = node;
    const type = returnType ? source.slice(returnType.start, returnType.end) : '';
    const refuses = /\b(refuse|badEvidence)\(|throw new/.test(source.slice(body.start, body.end));
    const wraps = body.body.some(({ argument }) => argument?.callee?.name === 'handle');
    const decides = /Refusal|Misfit|boolean/.test(type) || (refuses && !wraps) || name === 'verify';
    if (decides && (id?.name ?? name) !== 'apply') {
      yield body;
      return;
    }
  }
  for (const [key, value] of Object.entries(node))
    if (value && typeof value === 'object')
      yield* decidingBodies(value, source, key === 'value' ? node.key?.name : '');
}

function findChecks(node, add) {
  if (Array.isArray(node)) {
    for (const item of node) findChecks(item, add);
    return;
  }
  if (typeof node?.type !== 'string') return;
  if (node.type === 'IfStatement' && /Return|Throw/.test(node.consequent.type)) {
    const { argument } = node.consequent;
    if (isNothing(argument)) accepting(node.test, add);
    else {
      add(node.test, 'false');
      refusing(node.test, add);
      if (argument.type === 'Literal') accepting(node.test, add);
    }
    findChecks(node.alternate, add);
    return;
  }
  if (node.type === 'ReturnStatement' && node.argument) {
    answering(node.argument, add);
    return;
  }
  if (node.type === 'VariableDeclarator' && node.init) {
    if (isRefusals(node.init)) answering(node.init, add);
    else accepting(node.init, add);
    return;
  }
  for (const value of Object.values(node))
    if (value && typeof value === 'object') findChecks(value, add);
}

function isNothing(node) {
  return !node || (node.type === 'Identifier' && node.name === 'undefined');
}

function operands(node, operator) {
  const isChain = node.type === 'LogicalExpression' && node.operator === operator;
  return isChain ? [...operands(node.left, operator), ...operands(node.right, operator)] : [node];
}

/** `first(…) ?? second(…)`: one refusal after the other, not a value and what stands in for it. */
function isRefusals(node) {
  const parts = operands(node, '??');
  return parts.length > 1 && parts.every(({ type }) => type === 'CallExpression');
}

function answering(node, add) {
  if (isNothing(node) || /^(Literal|ObjectExpression)$/.test(node.type)) return;
  if (node.type === 'LogicalExpression' && node.operator !== '??') {
    accepting(node, add);
    refusing(node, add);
    return;
  }
  if (node.type === 'ConditionalExpression') {
    choosing(node, add);
    return;
  }
  for (const part of operands(node, '??')) add(part, 'undefined');
}

/** `fine ? value : refusal`, or `wrong ? refusal : what follows`. */
function choosing({ test, consequent, alternate }, add) {
  if (consequent.type === 'Literal') {
    add(test, 'true');
    accepting(test, add);
    return;
  }
  add(test, 'false');
  refusing(test, add);
  if (alternate.type === 'CallExpression') answering(alternate, add);
}

/** Conditions of which any one refuses: without one of them it does not. */
function refusing(node, add) {
  descend(node, { operator: '||', gone: 'false', other: refusing, opposite: accepting }, add);
}

/** Conditions that must all hold to pass: without one of them it need not. */
function accepting(node, add) {
  descend(node, { operator: '&&', gone: 'true', other: accepting, opposite: refusing }, add);
}

function descend(node, { operator, gone, other, opposite }, add) {
  if (node.type === 'ParenthesizedExpression') return other(node.expression, add);
  if (node.type === 'UnaryExpression' && node.operator === '!') return opposite(node.argument, add);
  if (node.type !== 'LogicalExpression' || node.operator === '??') return undefined;
  const parts = operands(node, node.operator);
  for (const part of parts) {
    if (node.operator === operator) add(part, gone);
    other(part, add);
  }
  return undefined;
}
