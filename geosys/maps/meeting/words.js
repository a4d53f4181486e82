/* The words of the page in two languages, and how numbers are written. Everything else comes with the data. */
"use strict";
window.GeoSys = window.GeoSys || {};

(function (GeoSys) {
  const WORDS = {
    toContent: ["跳到内容", "Skip to the content"],
    print: ["打印", "Print"],
    language: ["English", "中文"],
    parts: ["会议材料目录", "Parts of the pack"],
    agenda: ["议程", "Agenda"],
    changes: ["变化", "Changes"],
    map: ["地图", "Map"],
    issues: ["问题", "Issues"],
    tables: ["表格", "Tables"],
    files: ["文件", "Files"],
    notes: ["说明", "Notes"],
    meetingDay: ["会议 {n}", "Meeting {n}"],
    sinceDay: ["上次会议 {n}", "last one {n}"],
    firstMeeting: ["首次会议，无上次对比", "first meeting: nothing to compare"],
    lacking: ["缺少或未能计算的内容（{n} 项）", "What is lacking or could not be computed ({n})"],
    nothingLacking: ["没有缺少的内容。", "Nothing is lacking."],
    figures: ["关键数据", "Key figures"],
    before: ["上次 {n}", "before {n}"],
    change: ["变化 {n}", "change {n}"],
    noBefore: ["无上次数据", "no value before"],
    worse: ["变差", "worse"],
    better: ["变好", "better"],
    provenance: ["数据依据", "What it rests on"],
    items: ["会议议程", "Agenda"],
    noItems: ["没有议程。", "There is no agenda."],
    minutes: ["{n} 分钟", "{n} min"],
    total: ["共 {n} 分钟", "{n} min in all"],
    reporter: ["汇报", "Reports"],
    figuresOf: ["数据", "Figures"],
    issuesOf: ["问题", "Issues"],
    tablesOf: ["表格", "Tables"],
    sheetsOf: ["图件", "Sheets"],
    otherCharts: ["其他图表", "Other charts"],
    chartValues: ["图表数值", "Values of the chart"],
    chartLost: ["图表无法显示，请看数值表。", "The chart cannot be shown; see its values."],
    noRows: ["没有符合条件的行。", "No row fits."],
    emptyTable: ["本表没有行。", "This table has no rows."],
    noChanges: ["没有可对比的变化。", "There is no change to show."],
    shown: ["显示 {n} / {all} 行", "{n} of {all} rows"],
    held: ["全部 {all} 行，本表列出前 {n} 行", "{all} rows in all, the first {n} are in this table"],
    filter: ["筛选本表", "Filter this table"],
    filterHint: ["输入文字筛选", "Type to filter"],
    anyOf: ["{n}：全部", "{n}: all"],
    empty: ["（空）", "(empty)"],
    clear: ["清除筛选", "Clear filters"],
    copyRows: ["复制为表格", "Copy as a table"],
    copiedRows: ["已复制 {n} 行", "{n} rows copied"],
    notCopied: ["浏览器不允许复制", "The browser does not allow copying"],
    page: ["第 {n} / {all} 页", "Page {n} of {all}"],
    previous: ["上一页", "Previous"],
    next: ["下一页", "Next"],
    rowsOf: ["{n} 行", "{n} rows"],
    sortBy: ["点击排序", "Click to sort"],
    yes: ["是", "Yes"],
    no: ["否", "No"],
    filterIssues: ["筛选问题", "Filter the issues"],
    severity: ["等级", "Severity"],
    status: ["状态", "State"],
    issuesShown: ["显示 {n} / {all} 件", "{n} of {all} issues"],
    noIssues: ["没有问题。", "There is no issue."],
    showOnMap: ["在地图上查看", "Show on the map"],
    clause: ["依据", "Clause"],
    nextStep: ["下一步", "Next step"],
    history: ["办理过程", "History"],
    photos: ["照片", "Photos"],
    pictureOf: ["{n} 位置图", "Map of {n}"],
    photoOf: ["照片：{n}", "Photo: {n}"],
    noMap: ["本材料未含地图。", "This pack holds no map."],
    mapLoading: ["正在打开地图…", "Opening the map…"],
    mapLost: ["浏览器无法打开内嵌地图，请打开同一文件夹中的 map.html。", "The browser cannot open the map inside; open map.html in the same folder."],
    open: ["打开", "Open"],
    save: ["保存", "Save"],
    beside: ["在同一文件夹中", "in the same folder"],
    pages: ["{n} 页", "{n} pages"],
    noFiles: ["没有文件。", "There are no files."],
    filesIntro: ["“保存”取出本页自带的文件；其余文件在本页所在的文件夹中。", "“Save” takes out a file that this page carries; the others lie in the folder of this page."],
    layers: ["图层与版本", "Layers and versions"],
    layer: ["图层", "Layer"],
    version: ["版本", "Version"],
    delivered: ["数据", "Delivered"],
    rows: ["行数", "Rows"],
    rules: ["规则版本", "Rules version"],
    program: ["程序", "Program"],
    all: ["全文", "Whole text"],
    less: ["收起", "Less"],
  };

  GeoSys.language = 0; // 0 Chinese, 1 English: the place of each language in a pair

  /** Return the page's word for `key`, with {n} and {all} filled in. */
  GeoSys.say = function (key, values) {
    let text = WORDS[key][GeoSys.language];
    for (const name of Object.keys(values || {})) text = text.split("{" + name + "}").join(values[name]);
    return text;
  };

  /** Return a text, or that of a [Chinese, English] pair in the language chosen; Chinese where English is missing. */
  GeoSys.pick = (text) => (Array.isArray(text) ? text[GeoSys.language] || text[0] : text === null || text === undefined ? "" : String(text));

  GeoSys.colon = () => (GeoSys.language ? ": " : "：");
  GeoSys.bracket = (text) => (GeoSys.language ? " (" + text + ")" : "（" + text + "）");
  GeoSys.count = (n) => n.toLocaleString("en-US");

  /** Return a number as people read it: thousands parted, as many decimals as its size deserves. */
  GeoSys.number = function (value) {
    const size = Math.abs(value);
    const decimals = Number.isInteger(value) ? 0 : size >= 1000 ? 1 : size >= 1 ? 2 : 4;
    return value.toLocaleString("en-US", { maximumFractionDigits: decimals });
  };

  /** Return white or black, whichever has the greater contrast with a colour; it is at least 4.5. */
  GeoSys.inkOn = function (colour) {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.179 ? "#ffffff" : "#000000";
  };
})(window.GeoSys);
