// The page of the control plane. It reads the admin API, and changes nothing.
import { Component, html, render, useEffect, useRef, useState } from './dom.js';
import { useAddress } from './address.js';
import { connect, has, signIn, signOut, useNow, useStore } from './live.js';
import { age, count, Empty, plural } from './parts.js';
import { Mesh } from './mesh.js';
import { Clients, Hosts, Problems } from './lists.js';
import { Host } from './host.js';
import { Client } from './client.js';
import { History } from './history.js';
import { Search } from './search.js';

// views are the rows of the page: what an address shows, and which link of the navigation it belongs to.
const views = {
  mesh: { title: 'Mesh', show: Mesh }, hosts: { title: 'Hosts', show: Hosts }, clients: { title: 'Clients', show: Clients },
  problems: { title: 'Problems', show: Problems }, history: { title: 'History', show: History },
  host: { title: 'Host', show: Host, below: 'hosts' }, client: { title: 'Client', show: Client, below: 'clients' },
};

function Navigation({ view, counts }) {
  const current = views[view]?.below || view;
  const notes = { hosts: counts?.hosts, clients: counts?.clients, problems: (counts?.problems?.error || 0) + (counts?.problems?.warning || 0) };
  return html`<nav aria-label="Views">${Object.entries(views).filter(([id, v]) => !v.below && (id !== 'history' || has('/api/history'))).map(([id, v]) => html`<a href=${'#/' + id} aria-current=${id === current ? 'page' : undefined}>${v.title}
    ${notes[id] > 0 && html` <span class=${'note-count' + (id === 'problems' && counts.problems.error > 0 ? ' failed' : '')} aria-label=${id === 'problems' ? `${counts.problems.error} errors and ${counts.problems.warning} warnings` : undefined}>${count(notes[id])}</span>`}</a>`)}</nav>`;
}

const themes = ['auto', 'dark', 'light'];
function Theme() {
  const [theme, set] = useState(() => { try { return localStorage.getItem('theme') || 'auto'; } catch { return 'auto'; } });
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem('theme', theme); } catch { /* a browser that keeps nothing */ }
  }, [theme]);
  return html`<button class="plain" onClick=${() => set(themes[(themes.indexOf(theme) + 1) % 3])} aria-label=${`Colors: ${theme}. Change`}>${theme === 'auto' ? 'Auto' : theme === 'dark' ? 'Dark' : 'Light'}</button>`;
}

// Line is the line at the bottom: whose figures these are, and how old.
function Line({ store }) {
  const now = useNow();
  const { state, about } = store;
  return html`<footer><span>${about ? `${about.source}${about.replica ? ', replica ' + about.replica : ''}, Mizzen ${about.version}` : 'Mizzen'}</span>
    ${state && html`<span>revision ${count(state.revision)}, ${plural(state.counts.endpoints, 'endpoint')}, state of ${age(now - (Date.parse(state.at) - store.skew))} ago</span>`}
    ${store.edgesAt > 0 && html`<span>edges of ${age(now - store.edgesAt)} ago</span>`}
    ${about?.replicas > 1 && html`<span>other replicas have other clients</span>`}
    <${Theme} />${store.session && html`<button class="plain" onClick=${signOut}>Sign out</button>`}</footer>`;
}

// Banner says what is wrong with what is shown, once, and to screen readers, too.
function Banner({ store }) {
  const now = useNow();
  const at = new Date(store.since).toLocaleTimeString('en-GB'), ago = age(now - store.since);
  const { state } = store;
  let text = '';
  if (store.connection === 'lost') text = html`<strong>Not connected since ${at}</strong>, <span aria-hidden="true">${ago}</span>. What you see is from then. The page tries again by itself.`;
  else if (store.connection === 'refused') text = html`<strong>No live data since ${at}.</strong> ${store.text}`;
  else if (state?.draining) text = html`<strong>This replica shuts down.</strong>`;
  else if (state && !state.ready) text = html`<strong>The source was not completely read yet.</strong> Clients are not served.`;
  else if (state?.storedAt) text = html`<strong>The source is not available.</strong> The control plane serves what it stored ${age(now - Date.parse(state.storedAt) + store.skew)} ago.`;
  return html`<div class=${'banner' + (text ? ' shown' : '')} role="status" aria-live="polite">${text}</div>`;
}

function SignIn() {
  const [text, setText] = useState(''), [busy, setBusy] = useState(false);
  const input = useRef(null);
  useEffect(() => { input.current?.focus(); }, []);
  const submit = async (e) => {
    e.preventDefault();
    setBusy(true);
    try { await signIn(input.current.value); } catch (error) { setText(error.message); input.current.select(); }
    setBusy(false);
  };
  return html`<form class="signin" onSubmit=${submit}><h1>Sign in to Mizzen</h1><p>The admin address of this control plane requires its token: the content of the file of <code>--admin-token</code>. The browser keeps a cookie for 12 hours, not the token.</p>
    <label class="field"><span>Token</span><input class="token" ref=${input} type="password" name="token" autocomplete="current-password" required aria-describedby="refusal" /></label>
    <button disabled=${busy}>Sign in</button><p id="refusal" class="failed" role="alert">${text}</p></form>`;
}

// Guard shows the fault of one view, and leaves the others usable.
class Guard extends Component {
  constructor() { super(); this.state = { error: null }; }
  static getDerivedStateFromError(error) { return { error }; }
  componentDidCatch(error) { console.error(error); }
  render() {
    if (!this.state.error) return this.props.children;
    return html`<${Empty} title="This view cannot be drawn.">${String(this.state.error)}. The other views work. Please report it as a bug.<//>`;
  }
}

function App() {
  const store = useStore(), at = useAddress();
  const main = useRef(null), first = useRef(true);
  const view = views[at.view];
  useEffect(() => {
    document.title = [at.argument, view?.title, 'Mizzen'].filter(Boolean).join(' · ');
    // Who follows a link starts reading at the top of what it leads to.
    if (!first.current) { main.current?.focus({ preventScroll: true }); scrollTo(0, 0); }
    first.current = false;
  }, [at.view, at.argument]);
  if (store.connection === 'signin') return html`<main>${html`<${SignIn} />`}</main>`;
  const old = /^(hidden|lost|refused)$/.test(store.connection);
  return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); main.current.focus(); }}>Skip to the content</a>
    <header><a class="brand" href="#/mesh">Mizzen</a><${Navigation} view=${at.view} counts=${store.state?.counts} /><${Search} />
      <span class=${'connection ' + store.connection}>${store.connection === 'live' ? 'live' : store.connection === 'connecting' ? 'connecting' : 'not live'}</span></header>
    <${Banner} store=${store} />
    <main id="main" ref=${main} tabindex="-1" class=${old ? 'old' : ''} aria-label=${view?.title}><${Guard} key=${at.view + at.argument}>${view ? html`<${view.show} at=${at} />`
      : html`<${Empty} title=${`There is no view ${at.view}.`}><a href="#/mesh">Go to the mesh</a>.<//>`}<//></main>
    <${Line} store=${store} />`;
}

render(html`<${App} />`, document.body);
connect();
