import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import process from 'node:process';
import CopyPlugin from 'copy-webpack-plugin';

const src = join(import.meta.dirname, 'src');
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'));
const { id } = JSON.parse(readFileSync(join(src, 'plugin.json'), 'utf8'));

/** The same sources give the same files, also on another day, where SOURCE_DATE_EPOCH says which day it is. */
const epoch = process.env['SOURCE_DATE_EPOCH'];
const today = (epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)).toISOString().slice(0, 10);

/** What Grafana shares with its plugins, on every version from 11.1 on. */
const shared = [
  ...['@emotion/css', '@emotion/react', '@grafana/data', '@grafana/runtime', '@grafana/ui'],
  ...['d3', 'i18next', 'jquery', 'lodash', 'moment', 'prismjs', 'react', 'react-dom', 'react-redux'],
  ...['react-router', 'redux', 'rxjs', 'rxjs/operators', 'slate'],
];

/** A module beside every plugin.json: the app, and the panels within it. */
const plugins = globSync('**/plugin.json', { cwd: src }).map((path) => dirname(path));

/** @type {import('webpack').Configuration} */
export default {
  mode: 'production',
  target: ['web', 'es2022'],
  context: src,
  entry: Object.fromEntries(
    plugins.map((folder) => [posix.join(folder, 'module'), `./${posix.join(folder, 'module.tsx')}`]),
  ),
  output: {
    path: join(import.meta.dirname, 'dist'),
    filename: '[name].js',
    chunkFilename: 'chunks/[name].[contenthash:8].js',
    library: { type: 'amd' },
    // Panels are served under ids of their own, their chunks with the app: the path cannot be worked out from a module's.
    publicPath: `public/plugins/${id}/`,
    uniqueName: id,
    clean: true,
  },
  devtool: 'source-map',
  externals: shared,
  resolve: {
    extensions: ['.tsx', '.ts', '.js'],
    alias: {
      // Grafana 11.1 does not share it, and one of our own would make elements that its React refuses.
      'react/jsx-runtime$': join(src, 'lib/jsx-runtime.ts'),
      'react/jsx-dev-runtime$': join(src, 'lib/jsx-runtime.ts'),
    },
  },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        loader: 'swc-loader',
        options: {
          jsc: {
            target: 'es2022',
            parser: { syntax: 'typescript', tsx: true },
            transform: { react: { runtime: 'classic' } },
          },
        },
      },
    ],
  },
  plugins: [
    new CopyPlugin({
      patterns: [
        ...['**/plugin.json', '**/img/**/*'].map((from) => ({ from, transform: filledIn })),
        { from: '../README.md', transform: filledIn },
        { from: '../CHANGELOG.md' },
        { from: '../../LICENSE' },
      ],
    }),
  ],
  performance: { hints: false },
};

function filledIn(content, path) {
  if (!/\.(json|md)$/.test(path)) return content;
  return String(content).replaceAll('%VERSION%', version).replaceAll('%TODAY%', today);
}
