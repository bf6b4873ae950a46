// What htmx does not do: the live part of a page, and opening what an address points to.
"use strict";

(() => {
  const parts = document.querySelectorAll("[data-live]");
  if (parts.length) {
    const pause = document.getElementById("pause");
    const connection = document.getElementById("connection");
    pause.parentElement.hidden = false;
    let stream = null;
    let paused = false;

    // Browsers open six connections to a host: a page that nobody sees keeps none of them.
    const follow = () => {
      const wanted = !paused && document.visibilityState === "visible";
      if (!wanted && stream) {
        stream.close();
        stream = null;
      } else if (wanted && !stream) {
        stream = new EventSource("live");
        stream.onopen = () => { connection.textContent = ""; };
        stream.onerror = () => {
          connection.textContent = "This page's server does not answer. Start it with iai ui.";
        };
        for (const part of parts) {
          stream.addEventListener(part.dataset.live, (event) => {
            if (!part.contains(document.activeElement)) { // the keyboard stays where it is
              htmx.swap(part, event.data, { swapStyle: "innerHTML" });
            }
          });
        }
      }
    };
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      follow();
    });
    document.addEventListener("visibilitychange", follow);
    window.addEventListener("pagehide", () => { if (stream) { stream.close(); stream = null; } });
    window.addEventListener("pageshow", follow);
    follow();
  }

  // In a picture one walks with the arrow keys: to the nearest link in that direction. Only the one
  // that one has come to is reached by Tab.
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.addEventListener("keydown", (event) => {
    const here = event.target.closest?.("[data-walk] [data-x]");
    const way = ways[event.key];
    if (!here || !way || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    let best = null;
    let least = Infinity;
    for (const there of here.closest("[data-walk]").querySelectorAll("[data-x]")) {
      const [dx, dy] = [there.dataset.x - here.dataset.x, there.dataset.y - here.dataset.y];
      const along = dx * way[0] + dy * way[1];
      const far = along + 2 * Math.abs(dx * way[1] + dy * way[0]);
      if (along > 0 && far < least) [best, least] = [there, far];
    }
    if (best) {
      here.setAttribute("tabindex", "-1");
      best.setAttribute("tabindex", "0");
      best.focus();
    }
  });

  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.querySelector("summary").focus();
    }
  };
  window.addEventListener("hashchange", open);
  open();

  document.addEventListener("htmx:sendError", () => {
    document.getElementById("trouble").hidden = false;
  });

  // After a button was used, the keyboard goes on where it was; a reader hears what was done.
  document.addEventListener("htmx:afterSwap", (event) => {
    const did = document.getElementById("did");
    if (event.detail.target?.id === "main" && did) {
      did.setAttribute("tabindex", "-1");
      did.focus();
    }
  });
})();
