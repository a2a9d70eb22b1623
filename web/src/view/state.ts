/** The page's state as it begins: what its address asks for, then what the browser remembers, then nothing. */
import { project } from "../select/project";
import { emptyGraph } from "../store/graph";
import { emptyHistory } from "../store/history";
import { emptyNotices } from "../store/notices";
import { emptyRequests } from "../store/requests";
import { emptyTimeline } from "../store/timeline";
import type { Place } from "./address";
import type { State } from "./app";
import { rememberedHulls, rememberedStretch } from "./remember";
import { rememberedTheme } from "./theme";

/** The state that a page of this address begins with. */
export function initialState(asked: Place): State {
  const graph = emptyGraph();
  const hulls = asked.hulls.opened.size + asked.hulls.closed.size > 0 ? asked.hulls : rememberedHulls();
  return {
    graph,
    shown: project(graph, asked.view, hulls),
    view: asked.view,
    hulls,
    q: asked.q,
    qError: null,
    requests: emptyRequests(),
    history: emptyHistory(),
    classes: new Map(),
    hidden: { packets: 0, errors: 0 },
    notices: emptyNotices(),
    filters: { classes: asked.classes },
    selection: null,
    panel: { kind: "none" },
    link: "connecting",
    linkReason: "",
    session: null,
    heardMs: null,
    paused: false,
    course: asked.course,
    timeline: emptyTimeline(),
    page: asked.page,
    window: asked.window,
    stretch: asked.stretch ?? rememberedStretch(),
    theme: rememberedTheme(),
  };
}
