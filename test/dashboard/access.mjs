// For everybody: keyboard, screen reader, light and dark, phone and wide screen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";

import { fromNpm, openPage } from "./lib/browser.mjs";
import { scenario } from "./lib/scenario.mjs";
import { Load, Service } from "./lib/service.mjs";
import { until } from "./lib/until.mjs";

const TABS = ["live", "counters", "home"];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const LONG_KEY = "a-key-of-512-bytes-without-a-place-to-break-it-".repeat(20).slice(0, 512);

let shared = null;
let load = null;

// One service under load, with a key as long as they come, for all of these tests.
async function service() {
  if (shared) return shared;
  shared = await (await Service.start(["--sync-interval", "2s"])).ready();
  await shared.increment(LONG_KEY, 2 ** 52);
  load = new Load(shared, () => (Math.random() < 0.02 ? { key: "", value: 1 } : { key: Math.random() < 0.5 ? LONG_KEY : "page:home", value: 1 }));
  return shared;
}

after(async () => {
  load?.stop();
  await shared?.remove();
});

async function filled(page, tab) {
  const place = { live: "#top tbody tr", counters: "#found tbody tr", home: "#configuration tbody tr" }[tab];
  await page.locator(place).first().waitFor();
  if (tab === "live") await until("a flush is told", async () => /rows/.test(await page.locator("#tiles").textContent()));
  if (tab === "counters") {
    await page.locator("#found tbody button").first().click();
    await page.locator("#key-chart canvas").waitFor();
  }
}

scenario("axe finds nothing to say against any page, in light and in dark", async () => {
  const axe = readFileSync(path.join(fromNpm("axe-core"), "axe.min.js"), "utf8");
  for (const scheme of ["light", "dark"]) {
    for (const tab of TABS) {
      const page = await openPage(await service(), { tab, scheme });
      await filled(page, tab);
      for (const details of await page.locator("summary:visible").all()) await details.click();
      await page.evaluate(axe);
      const found = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), RULES);
      assert.ok(found.passes.length > 15, `${found.passes.length} rules passed`);
      const said = found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html).join(" ")}`);
      assert.deepEqual(said, [], `${tab}, ${scheme}`);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  }
});

scenario("every control has a name, headings have an order, and news is told to who does not see it", async () => {
  for (const tab of TABS) {
    const page = await openPage(await service(), { tab });
    await filled(page, tab);
    const client = await page.context().newCDPSession(page);
    const { nodes } = await client.send("Accessibility.getFullAXTree");
    const of = (roles) => nodes.filter((node) => !node.ignored && roles.includes(node.role?.value));
    const controls = of(["button", "link", "textbox", "searchbox", "combobox", "DisclosureTriangle", "MenuListPopup"]);
    const nameless = controls.filter((node) => !node.name?.value && node.role.value !== "MenuListPopup");
    assert.deepEqual(nameless.map((node) => node.role.value), [], tab);
    const names = of(["DisclosureTriangle"]).map((node) => node.name.value);
    assert.equal(new Set(names).size, names.length, "two controls have one name");
    assert.deepEqual([of(["main"]).length, of(["navigation"]).length, of(["banner"]).length], [1, 1, 1]);
    assert.ok(of(["heading"]).length >= 3);
    assert.ok(of(["status"]).some((node) => node.properties.some(({ name, value }) => name === "live" && value.value === "polite")));
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
});

const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']";

scenario("the keyboard reaches every control in order, and shows where it is", async () => {
  for (const tab of TABS) {
    const page = await openPage(await service(), { tab });
    await filled(page, tab);
    await page.evaluate(() => document.activeElement.blur());
    const wanted = await page.evaluate((selector) => {
      const all = [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility() && one.tabIndex >= 0);
      all.forEach((one) => (one.dataset.wanted = "yes"));
      return all.length;
    }, CONTROLS);
    let reached = 0;
    for (let press = 0; press < wanted * 2 + 60 && reached < wanted; press++) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate(() => {
        const one = document.activeElement;
        if (one === document.body) return null;
        const { outlineStyle, outlineWidth } = getComputedStyle(one);
        const { left, width } = one.getBoundingClientRect();
        const first = one.dataset.wanted === "yes";
        delete one.dataset.wanted;
        return { what: one.outerHTML.slice(0, 80), first, shown: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && left >= 0 && width > 0 };
      });
      if (seen) assert.ok(seen.shown, `no focus is seen on ${seen.what}`);
      // Rows are made anew each second, the focused one among them: what is not marked was reached, or came since.
      reached = wanted - (await page.evaluate(() => document.querySelectorAll("[data-wanted]").length));
    }
    const missed = await page.evaluate(() => [...document.querySelectorAll("[data-wanted]")].map((one) => one.outerHTML.slice(0, 80)));
    assert.deepEqual(missed, [], tab);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
});

scenario("pages are chosen, and dialogs opened and left, by keyboard alone", async () => {
  const page = await openPage(await service(), { tab: "live" });
  assert.equal(await page.evaluate(() => scrollY), 0);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.getByRole("link", { name: "Counters" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Search by prefix" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Counters" }).getAttribute("aria-current"), "page");
  const button = page.getByRole("button", { name: "Delete key" });
  await button.focus();
  await page.keyboard.press("Space");
  await page.getByRole("dialog").waitFor();
  for (let press = 0; press < 6; press++) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest("dialog"))));
  }
  await page.keyboard.press("Escape");
  assert.equal(await button.evaluate((one) => document.activeElement === one), true);
  assert.deepEqual(page.problems, []);
});

scenario("colours follow the system, and a choice that is kept", async () => {
  const ground = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).reduce((sum, one) => sum + Number(one), 0));
  const page = await openPage(await service(), { scheme: "light" });
  assert.ok((await ground(page)) > 600);
  await page.emulateMedia({ colorScheme: "dark" });
  await until("it is dark", async () => (await ground(page)) < 150);
  await page.getByLabel("Colours").selectOption("Light");
  await until("light is chosen", async () => (await ground(page)) > 600);
  await page.reload();
  assert.ok((await ground(page)) > 600);
  await page.getByLabel("Colours").selectOption("Auto");
  await until("it follows again", async () => (await ground(page)) < 150);
  assert.deepEqual(page.problems, []);
});

scenario("nothing is cut off or scrolls sideways from a phone to a wide screen", async () => {
  for (const width of [320, 390, 768, 1440, 2560]) {
    for (const tab of TABS) {
      const page = await openPage(await service(), { tab, width, height: 844 });
      await filled(page, tab);
      const over = await page.evaluate(() => {
        const wide = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && !one.closest(".scroll, .unseen, .skip, .u-over, .u-under"));
        return wide.filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 80));
      });
      assert.deepEqual(over, [], `${tab} at ${width}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${tab} at ${width} scrolls`);
      if (tab === "live") {
        const columns = await page.evaluate(() => getComputedStyle(document.getElementById("charts")).gridTemplateColumns.split(" ").length);
        assert.ok(columns >= { 320: 1, 390: 1, 768: 2, 1440: 4, 2560: 5 }[width], `${columns} columns at ${width}`);
      }
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  }
});
