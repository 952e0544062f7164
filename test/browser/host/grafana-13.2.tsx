import './boot.ts';
import * as emotion from '@emotion/css';
import * as emotionReact from '@emotion/react';
import * as data from '@grafana/data';
import * as runtime from '@grafana/runtime';
import * as ui from '@grafana/ui';
import * as i18next from 'i18next';
import * as lodash from 'lodash';
import * as moment from 'moment';
import * as react from 'react';
import * as reactDom from 'react-dom';
import * as reactDomClient from 'react-dom/client';
import * as jsxRuntime from 'react/jsx-runtime';
import * as router from 'react-router-dom-v5-compat';
import * as rxjs from 'rxjs';
import * as operators from 'rxjs/operators';
import { speak } from './language.ts';
import { prepare } from './main.tsx';

await speak([
  'en-US',
  'es-ES',
  'fr-FR',
  'de-DE',
  'pt-BR',
  'zh-Hans',
  'it-IT',
  'ja-JP',
  'nl-NL',
  'pl-PL',
  'sv-SE',
]);

const page = prepare({
  '@emotion/css': emotion,
  '@emotion/react': emotionReact,
  '@grafana/data': data,
  '@grafana/runtime': runtime,
  '@grafana/ui': ui,
  i18next,
  lodash,
  moment,
  react,
  'react-dom': reactDom,
  'react-dom/client': reactDomClient,
  'react-router': router,
  'react/jsx-runtime': jsxRuntime,
  rxjs,
  'rxjs/operators': operators,
});
reactDomClient.createRoot(document.querySelector('#reactRoot')!).render(page);
