/* The page's own words in both languages, and how numbers, units and dates are written. */
"use strict";
window.GeoSys = window.GeoSys || {};

(function (GeoSys) {
  const WORDS = {
    findings: ["风险线索", "Findings"],
    layers: ["图层", "Layers"],
    rules: ["规则结果", "Rules"],
    notes: ["说明", "Notes"],
    panel: ["显示或隐藏侧栏", "Show or hide the side panel"],
    search: ["按编码、名称或拼音首字母查找（按 / 键）", "Search code, name or pinyin initials (press /)"],
    searchShort: ["编码、名称、拼音首字母", "Code, name, initials"],
    noMatch: ["没有匹配项", "No match"],
    more: ["另有 {n} 项，请输入更多字符", "{n} more: type more letters"],
    print: ["打印", "Print"],
    language: ["English", "中文"],
    asOf: ["判定日期", "As of"],
    outcome: ["结论", "Outcome"],
    outcomeHint: ["颜色与内部标记表示结论", "Colour and inner mark show the outcome"],
    status: ["整改状态", "Rectification status"],
    statusHint: ["符号形状表示状态", "Shape shows the status"],
    severity: ["严重程度", "Severity"],
    rule: ["规则", "Rule"],
    allRules: ["全部规则", "All rules"],
    reset: ["清除筛选", "Clear filters"],
    shown: ["显示 {n} / {all} 条", "{n} of {all} shown"],
    noFinding: ["没有符合筛选条件的线索", "No finding passes the filters"],
    listMore: ["再显示 {n} 条", "Show {n} more"],
    notOnMap: ["按主体计数，不在图上标绘", "Counted by subject, not drawn"],
    noPlace: ["无图形，不在图上", "No geometry, not on the map"],
    why: ["原因", "Why"],
    basis: ["依据", "Basis"],
    noBasis: ["依据待补", "No basis given"],
    measure: ["实测", "Measured"],
    threshold: ["阈值", "Threshold"],
    margin: ["距翻转", "Margin to flip"],
    lead: ["牵头", "Lead"],
    support: ["配合", "Support"],
    due: ["时限", "Due"],
    overdue: ["已逾期 {n} 天", "{n} days overdue"],
    action: ["处置要求", "Action"],
    certainty: ["确定性", "Certainty"],
    seen: ["本次核查", "This run"],
    subject: ["主体", "Subject"],
    object: ["相关对象", "Related object"],
    findingId: ["线索编号", "Finding no."],
    caseId: ["事项编号", "Case no."],
    code: ["编号", "Code"],
    zoomTo: ["定位", "Zoom to"],
    openSubject: ["查看主体", "Open subject"],
    openObject: ["查看相关对象", "Open related object"],
    close: ["关闭", "Close"],
    previous: ["上一项", "Previous"],
    next: ["下一项", "Next"],
    noName: ["（无名称）", "(no name)"],
    allOn: ["全部显示", "All on"],
    allOff: ["全部隐藏", "All off"],
    asDelivered: ["默认", "Default"],
    zoomIn: ["放大后显示", "Zoom in to show"],
    absent: ["未提供", "not supplied"],
    withoutPlace: ["{n} 条无位置", "{n} without position"],
    otherClass: ["其他", "Other"],
    ruleName: ["规则", "Rule"],
    notAssessedWhy: ["未评估原因", "Why not assessed"],
    rulesIntro: [
      "“未评估”不等于“无风险”。数字按主体计，一个主体可有多条线索。点击规则可筛选线索。",
      "“Not assessed” does not mean “no risk”. Subjects are counted; one may have several findings. Choose a rule to filter.",
    ],
    total: ["合计", "Total"],
    layerVersions: ["图层与版本", "Layers and versions"],
    rows: ["{n} 条", "{n} rows"],
    version: ["版本", "Version"],
    delivered: ["数据", "Delivered"],
    rulesVersion: ["规则版本", "Rules version"],
    program: ["程序", "Program"],
    datum: ["坐标系：CGCS2000（EPSG:4490）；显示投影为 Web 墨卡托，比例尺为图面中心实地距离", "Datum: CGCS2000 (EPSG:4490), drawn in Web Mercator; the scale bar holds at the centre"],
    software: ["地图组件：Leaflet 1.9.4（BSD-2-Clause）", "Map component: Leaflet 1.9.4 (BSD-2-Clause)"],
    north: ["北", "N"],
    zoomInButton: ["放大", "Zoom in"],
    zoomOutButton: ["缩小", "Zoom out"],
    home: ["全图", "Whole map"],
    yes: ["是", "Yes"],
    no: ["否", "No"],
    legend: ["图例", "Legend"],
    map: ["地图：方向键平移，加减号缩放", "Map: arrow keys pan, plus and minus zoom"],
    about: ["关于本图", "About this map"],
    days: ["天", "days"],
    mu: ["亩", "mu"],
    leadOffice: ["牵头单位", "Lead office"],
    allOffices: ["全部单位", "All offices"],
    area_filter: ["县区、乡镇", "County, township"],
    allAreas: ["全部范围", "Everywhere"],
    anyDue: ["不限时限", "Any deadline"],
    due_overdue: ["已逾期", "Overdue"],
    due_next30: ["30 天内到期", "Due in 30 days"],
    due_range: ["按日期范围…", "Between two dates…"],
    due_none: ["无时限", "No deadline"],
    from: ["从", "From"],
    to: ["到", "To"],
    nextStep: ["下一步", "Next step"],
    foundOn: ["发现日期", "Found on"],
    history: ["办理过程", "History"],
    photos: ["照片", "Photos"],
    noPhoto: ["无照片", "No photo"],
    tools: ["地图工具", "Map tools"],
    tool_distance: ["量距离", "Measure a distance"],
    tool_area: ["量面积", "Measure an area"],
    tool_position: ["坐标", "Coordinates"],
    timeTool: ["时间轴与对比", "Time and comparison"],
    linkTool: ["复制本视图链接", "Copy the link of this view"],
    lastLeg: ["末段", "Last leg"],
    area: ["面积", "Area"],
    areaLarge: ["合", "That is"],
    perimeter: ["周长", "Perimeter"],
    degrees: ["经纬度", "Degrees"],
    sixtieths: ["度分秒", "DMS"],
    zoneMetres: ["平面坐标", "Plane"],
    zoneOf: ["3°带第 {n} 带，中央经线 {all}°，X 北 Y 东（m）", "3° zone {n}, central meridian {all}°, X north, Y east (m)"],
    hint_distance: ["在图上依次点击，双击结束；回车取图面中心", "Click along the way, double click to end; Enter takes the centre"],
    hint_area: ["在图上依次点击边界点，双击结束；回车取图面中心", "Click around the area, double click to end; Enter takes the centre"],
    hint_position: ["在图上点击一点；回车取图面中心", "Click a place; Enter takes the centre"],
    copyHint: ["CGCS2000 椭球面上计算，点击数值可复制", "On the CGCS2000 ellipsoid; click a value to copy it"],
    crossing: ["边界自相交，不计面积", "The border crosses itself: no area"],
    tooFar: ["距离过长，无法计算", "Too far apart to reckon"],
    undo: ["撤销一点", "Undo"],
    finish: ["结束", "Finish"],
    copy: ["复制", "Copy"],
    copied: ["已复制", "Copied"],
    notCopied: ["浏览器不允许复制，请手工抄录", "The browser does not allow copying; please note it down"],
    date: ["日期", "Date"],
    leftDate: ["左侧日期", "Date on the left"],
    rightDate: ["右侧日期", "Date on the right"],
    swipe: ["左右对比", "Compare two dates"],
    divider: ["对比分隔线，左右方向键移动", "Divider of the two dates, arrow keys move it"],
    play: ["播放", "Play"],
    pause: ["停止", "Stop"],
    noHistory: ["按发现日期显示；无办理过程数据，状态为当前状态", "By the day of finding; without case histories the states are the present ones"],
    shownDate: ["图面日期", "Shown"],
    inView: ["图面内数量", "Counts within the view"],
    basemap: ["联网底图", "Base map from a server"],
    basemapAsks: ["默认关闭。打开后向 {host} 请求图片，须联网；该服务器会知道正在查看的位置", "Off by default. When on, pictures are asked of {host}: it needs a network, and that server learns which place is looked at"],
    basemapFailed: ["{host} 没有给出图片", "{host} gave no pictures"],
    restOnScreen: ["（其余内容见屏幕上的卡片）", "(the rest stands in the card on the screen)"],
    toMap: ["跳到地图", "Skip to the map"],
  };
  const UNITS = { m2: "m²", m3: "m³", t_d: "t/d", "t/d": "t/d", mg_l: "mg/L", mg_kg: "mg/kg" };
  const MU = 2000 / 3; // square metres

  GeoSys.language = 0; // 0 Chinese, 1 English: the place of each language in a pair

  /** Return the page's word for `key`, with {n} and {all} filled in. */
  GeoSys.say = function (key, values) {
    let text = WORDS[key][GeoSys.language];
    for (const name of Object.keys(values || {})) text = text.replace("{" + name + "}", values[name]);
    return text;
  };

  /** Return the text of a [Chinese, English] pair in the language chosen; Chinese where English is missing. */
  GeoSys.pick = (pair) => pair[GeoSys.language] || pair[0];

  GeoSys.colon = () => (GeoSys.language ? ": " : "：");
  GeoSys.bracket = (text) => (GeoSys.language ? " (" + text + ")" : "（" + text + "）");
  GeoSys.count = (n) => n.toLocaleString("en-US");

  /** Return a number as people read it: thousands parted, as many decimals as its size deserves. */
  GeoSys.number = function (value) {
    const size = Math.abs(value);
    const decimals = Number.isInteger(value) ? 0 : size >= 1000 ? 1 : size >= 1 ? 2 : 4;
    return value.toLocaleString("en-US", { maximumFractionDigits: decimals });
  };

  /** Return a number with so many decimals, thousands parted. */
  GeoSys.fixed = (value, decimals) => value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

  /** Return a value with its unit; areas also in mu, which is what the offices count in. */
  GeoSys.quantity = function (value, unit) {
    if (value === null || value === undefined || value === "") return "";
    if (typeof value === "boolean") return GeoSys.say(value ? "yes" : "no");
    if (typeof value !== "number") return String(value);
    if (unit === "share") return GeoSys.number(value * 100) + " %";
    if (unit === "day" || unit === "days" || unit === "d") return GeoSys.number(value) + " " + GeoSys.say("days");
    const text = GeoSys.number(value) + (unit ? " " + (UNITS[unit] || unit) : "");
    const area = unit === "m2" || unit === "m²";
    return area && Math.abs(value) >= 100 ? text + GeoSys.bracket(GeoSys.number(value / MU) + " " + GeoSys.say("mu")) : text;
  };

  /** Return whole days from one ISO date to another. */
  GeoSys.daysBetween = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 86400000);
})(window.GeoSys);
