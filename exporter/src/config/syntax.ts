import type { YAMLError } from 'yaml';

/** What is wrong with the YAML, in words of our own: the parser's quote the file, and so perhaps a secret. */
export function explainSyntax({ code, message }: Pick<YAMLError, 'code' | 'message'>): string {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'is indented by a tab: YAML wants spaces';
    case 'BAD_INDENT':
      return message.includes('low ')
        ? 'stands inside of a [ or { that was opened above: close that one'
        : 'is indented in a way that does not fit the lines above';
    case 'MISSING_CHAR':
      return explainMissing(message);
    case 'BAD_ALIAS':
      return 'is an alias (*name) of nothing: put text that begins with * or & in quotes';
    case 'BAD_DQ_ESCAPE':
      return 'has a backslash that begins no escape: use single quotes, or write \\\\';
    case 'BAD_SCALAR_START':
      return 'begins with a character that means something to YAML: put the text in quotes';
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return 'has a second colon, or a key that goes over lines: put text with ": " in it in quotes';
    case 'BLOCK_IN_FLOW':
      return 'is a block inside of [ ] or { }: a bracket above was not closed';
    case 'TAG_RESOLVE_FAILED':
    case 'BAD_COLLECTION_TYPE':
      return 'has a tag (!name), which this file does not use: put text that begins with ! in quotes';
    case 'MULTIPLE_DOCS':
      return 'begins a second document: the file holds one, without --- in the middle';
    case 'NON_STRING_KEY':
      return 'is a key that is no text: a bracket, a colon or a quote is in the wrong place';
    case 'RESOURCE_EXHAUSTION':
      return 'is nested too deeply';
    case 'ALIAS_PROPS':
    case 'BAD_DIRECTIVE':
    case 'BAD_PROP_ORDER':
    case 'DUPLICATE_KEY':
    case 'IMPOSSIBLE':
    case 'KEY_OVER_1024_CHARS':
    case 'MULTIPLE_ANCHORS':
    case 'MULTIPLE_TAGS':
    case 'UNEXPECTED_TOKEN':
      return 'cannot be read as YAML from here on: look for a bracket or a quote that does not belong here';
  }
}

function explainMissing(message: string): string {
  if (message.includes('closing')) return 'begins a quote that is never closed';
  if (message.includes('map values')) return 'has no colon: write key: value, with a space behind the colon';
  if (message.includes('space')) return 'needs a space: behind a colon, and in front of a comment';
  return 'misses a comma, a colon or a closing bracket';
}
