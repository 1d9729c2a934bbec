//! Whether each JSON path that a state machine reads is there, on every way that leads to it.
//!
//! On AWS a path that leads nowhere ends an execution with `States.Runtime`, which nothing
//! catches; only `IsPresent` may ask for one (Amazon States Language, "Choice State"). So what is
//! certainly there is followed through the definition: an execution's input promises nothing,
//! a state adds what its `ResultPath` says, a function answers with what its answer's type always
//! has, and `IsPresent` makes certain what it found. Where ways meet, only what all of them bring
//! is certain.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What is certain about a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Nothing.
    Anything,
    /// It is an object that has at least these members.
    Object(BTreeMap<String, Shape>),
}

/// What is certain when a state is entered.
#[derive(Debug, Clone, PartialEq)]
struct Facts {
    data: Shape,
    /// `$$.Execution.Input`.
    input: Shape,
    /// Whether `$` is still the execution's input.
    untouched: bool,
}

/// What a function or service answers, by the `Resource` of the task.
pub type Answers<'a> = &'a dyn Fn(&str) -> Shape;

/// Fields that are known to read no path, beside those that [`Walk::leave`] follows.
const WITHOUT_PATHS: &[&str] = &[
    "Type",
    "Comment",
    "Next",
    "End",
    "Resource",
    "Retry",
    "TimeoutSeconds",
    "Seconds",
    "Error",
    "Cause",
    "Default",
];
const FOLLOWED: &[&str] = &[
    "InputPath",
    "Parameters",
    "Result",
    "ResultSelector",
    "ResultPath",
    "OutputPath",
    "Catch",
    "Choices",
    "SecondsPath",
    "ErrorPath",
    "CausePath",
];
const TYPES: &[&str] = &["Task", "Pass", "Choice", "Wait", "Succeed", "Fail"];

/// Everything that is wrong with the paths of a definition; empty when each is certainly there.
pub fn problems(definition: &Value, answers: Answers<'_>) -> Vec<String> {
    let states = &definition["States"];
    let start = definition["StartAt"].as_str().unwrap_or_default();
    let mut entered = BTreeMap::from([(
        start.to_owned(),
        Facts {
            data: Shape::Anything,
            input: Shape::Anything,
            untouched: true,
        },
    )]);
    // Facts only ever become fewer where ways meet, so this ends.
    let mut open = vec![start.to_owned()];
    while let Some(name) = open.pop() {
        let mut walk = Walk::new(&name, answers);
        for (next, facts) in walk.leave(&states[&name], &entered[&name]) {
            let met = match entered.get(&next) {
                Some(known) => known.meet(&facts),
                None => facts,
            };
            if entered.get(&next) != Some(&met) {
                entered.insert(next.clone(), met);
                open.push(next);
            }
        }
    }
    let mut problems = Vec::new();
    for (name, state) in states.as_object().into_iter().flatten() {
        match entered.get(name) {
            Some(facts) => {
                let mut walk = Walk::new(name, answers);
                walk.leave(state, facts);
                problems.extend(walk.problems);
            }
            None => problems.push(format!("{name}: no way leads to it")),
        }
    }
    problems
}

impl Shape {
    /// What a sample shows: its members, as far down as there are objects.
    pub fn of(sample: &Value) -> Self {
        match sample {
            Value::Object(members) => Shape::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), Shape::of(value)))
                    .collect(),
            ),
            _ => Shape::Anything,
        }
    }

    /// What is certain of both.
    pub fn meet(&self, other: &Shape) -> Shape {
        let (Shape::Object(ours), Shape::Object(theirs)) = (self, other) else {
            return Shape::Anything;
        };
        let common = ours.iter().filter_map(|(name, shape)| {
            theirs
                .get(name)
                .map(|other| (name.clone(), shape.meet(other)))
        });
        Shape::Object(common.collect())
    }

    fn at(&self, path: &[&str]) -> Option<&Shape> {
        path.iter().try_fold(self, |shape, name| match shape {
            Shape::Object(members) => members.get(*name),
            Shape::Anything => None,
        })
    }

    /// The shape when there is `value` at the path; what is no object becomes one on the way.
    fn with(&self, path: &[&str], value: Shape) -> Shape {
        let Some((first, rest)) = path.split_first() else {
            return value;
        };
        let mut members = match self {
            Shape::Object(members) => members.clone(),
            Shape::Anything => BTreeMap::new(),
        };
        let inner = members.remove(*first).unwrap_or(Shape::Anything);
        members.insert((*first).to_owned(), inner.with(rest, value));
        Shape::Object(members)
    }
}

impl Facts {
    fn meet(&self, other: &Facts) -> Facts {
        Facts {
            data: self.data.meet(&other.data),
            input: self.input.meet(&other.input),
            untouched: self.untouched && other.untouched,
        }
    }

    /// The context object (Step Functions Developer Guide, "Context object").
    fn context(&self) -> Shape {
        let names = |names: &[&str]| {
            let members = names.iter().map(|name| ((*name).into(), Shape::Anything));
            Shape::Object(members.collect())
        };
        let execution = names(&["Id", "Name", "RoleArn", "StartTime"]);
        Shape::Object(BTreeMap::from([
            (
                "Execution".into(),
                execution.with(&["Input"], self.input.clone()),
            ),
            (
                "State".into(),
                names(&["EnteredTime", "Name", "RetryCount"]),
            ),
            ("StateMachine".into(), names(&["Id", "Name"])),
        ]))
    }

    /// The facts when the path was found to be there.
    fn found(mut self, path: &str) -> Facts {
        let at = |shape: &Shape, path: &[&str]| {
            let there = shape.at(path).cloned().unwrap_or(Shape::Anything);
            shape.with(path, there)
        };
        if let Some(path) = path.strip_prefix("$$.Execution.Input.") {
            self.input = at(&self.input, &steps(path));
        } else if let Some(path) = path.strip_prefix("$.") {
            let path = steps(path);
            self.data = at(&self.data, &path);
            if self.untouched {
                self.input = at(&self.input, &path);
            }
        }
        self
    }
}

fn steps(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

/// One state, on its way from what is certain before to what is certain after.
struct Walk<'a> {
    state: &'a str,
    answers: Answers<'a>,
    problems: Vec<String>,
}

impl<'a> Walk<'a> {
    fn new(state: &'a str, answers: Answers<'a>) -> Self {
        Self {
            state,
            answers,
            problems: Vec::new(),
        }
    }

    fn problem(&mut self, text: &str) {
        self.problems.push(format!("{}: {text}", self.state));
    }

    /// The states that may come next, each with what is certain then.
    fn leave(&mut self, state: &Value, facts: &Facts) -> Vec<(String, Facts)> {
        let kind = state["Type"].as_str().unwrap_or_default();
        if !TYPES.contains(&kind) {
            self.problem(&format!("nobody taught this check the type {kind:?}"));
            return Vec::new();
        }
        for field in state.as_object().into_iter().flat_map(Map::keys) {
            let known = [WITHOUT_PATHS, FOLLOWED].concat();
            if !known.contains(&field.as_str()) {
                self.problem(&format!("nobody taught this check the field {field}"));
            }
        }
        let taken = self.optional_path(state, "InputPath", &facts.data, facts);
        let moved = Facts {
            untouched: facts.untouched && taken == facts.data,
            data: taken,
            input: facts.input.clone(),
        };
        for field in ["SecondsPath", "ErrorPath", "CausePath"] {
            if let Some(path) = state[field].as_str() {
                self.read(path, &moved.data, &moved);
            }
        }
        match kind {
            "Succeed" | "Fail" => return Vec::new(),
            "Choice" => return self.choose(state, &moved),
            _ => {}
        }
        let mut next = self.caught(state, facts);
        let data = if kind == "Wait" {
            moved.data.clone()
        } else {
            let taken = match state.get("Parameters") {
                Some(template) => self.filled(template, &moved.data, &moved),
                None => moved.data.clone(),
            };
            let result = match (kind, state.get("Result")) {
                ("Task", _) => (self.answers)(state["Resource"].as_str().unwrap_or_default()),
                (_, Some(literal)) => Shape::of(literal),
                _ => taken,
            };
            let result = match state.get("ResultSelector") {
                Some(template) => self.filled(template, &result, &moved),
                None => result,
            };
            self.placed(state.get("ResultPath"), &facts.data, result)
        };
        let data = self.optional_path(state, "OutputPath", &data, facts);
        if let Some(to) = state["Next"].as_str() {
            let after = Facts {
                untouched: moved.untouched && kind == "Wait",
                data,
                input: moved.input,
            };
            next.push((to.to_owned(), after));
        }
        next
    }

    /// What a catcher is given certainly has `Error` only: `Cause` is normally there.
    fn caught(&mut self, state: &Value, facts: &Facts) -> Vec<(String, Facts)> {
        let mut next = Vec::new();
        for catcher in state["Catch"].as_array().into_iter().flatten() {
            let error = Shape::Object(BTreeMap::from([("Error".into(), Shape::Anything)]));
            let data = self.placed(catcher.get("ResultPath"), &facts.data, error);
            let facts = Facts {
                data,
                input: facts.input.clone(),
                untouched: false,
            };
            next.push((catcher["Next"].as_str().unwrap_or_default().into(), facts));
        }
        next
    }

    fn choose(&mut self, state: &Value, facts: &Facts) -> Vec<(String, Facts)> {
        let mut next = Vec::new();
        let mut left = facts.clone();
        for rule in state["Choices"].as_array().into_iter().flatten() {
            let (matched, not_matched) = self.rule(rule, left);
            next.push((rule["Next"].as_str().unwrap_or_default().into(), matched));
            left = not_matched;
        }
        if let Some(default) = state["Default"].as_str() {
            next.push((default.into(), left));
        }
        for (_, facts) in &mut next {
            facts.data = self.optional_path(state, "OutputPath", &facts.data.clone(), facts);
        }
        next
    }

    /// What is certain where a rule matches, and where it does not.
    fn rule(&mut self, rule: &Value, facts: Facts) -> (Facts, Facts) {
        if let Some(rules) = rule["And"].as_array() {
            let before = facts.clone();
            let matched = rules
                .iter()
                .fold(facts, |facts, rule| self.rule(rule, facts).0);
            return (matched, before);
        }
        if let Some(rules) = rule["Or"].as_array() {
            let (mut matched, mut left): (Option<Facts>, Facts) = (None, facts);
            for rule in rules {
                let (here, not_here) = self.rule(rule, left);
                matched = Some(matched.map_or_else(|| here.clone(), |facts| facts.meet(&here)));
                left = not_here;
            }
            return (matched.unwrap_or_else(|| left.clone()), left);
        }
        if rule["Not"].is_object() {
            let (matched, not_matched) = self.rule(&rule["Not"], facts);
            return (not_matched, matched);
        }
        let variable = rule["Variable"].as_str().unwrap_or_default();
        if let Some(wanted) = rule["IsPresent"].as_bool() {
            let found = facts.clone().found(variable);
            return if wanted {
                (found, facts)
            } else {
                (facts, found)
            };
        }
        self.read(variable, &facts.data, &facts);
        for (operator, operand) in rule.as_object().into_iter().flatten() {
            if let (true, Some(path)) = (operator.ends_with("Path"), operand.as_str()) {
                self.read(path, &facts.data, &facts);
            }
        }
        (facts.clone(), facts)
    }

    fn optional_path(&mut self, state: &Value, field: &str, data: &Shape, facts: &Facts) -> Shape {
        match state.get(field) {
            None => data.clone(),
            Some(Value::String(path)) => self.read(path, data, facts),
            Some(_) => Shape::Object(BTreeMap::new()),
        }
    }

    /// The shape of a template such as `Parameters`, whose members that end in `.$` are paths.
    fn filled(&mut self, template: &Value, data: &Shape, facts: &Facts) -> Shape {
        let Value::Object(members) = template else {
            return Shape::Anything;
        };
        let mut filled = BTreeMap::new();
        for (name, value) in members {
            match (name.strip_suffix(".$"), value.as_str()) {
                (Some(name), Some(path)) => {
                    filled.insert(name.to_owned(), self.read(path, data, facts));
                }
                _ => {
                    filled.insert(name.clone(), self.filled(value, data, facts));
                }
            }
        }
        Shape::Object(filled)
    }

    fn placed(&mut self, path: Option<&Value>, data: &Shape, result: Shape) -> Shape {
        match path {
            None => result,
            Some(Value::String(path)) if path == "$" => result,
            Some(Value::String(path)) => {
                if *data == Shape::Anything {
                    self.problem(&format!(
                        "its ResultPath {path} goes into what need not be an object"
                    ));
                }
                data.with(&steps(path.trim_start_matches("$.")), result)
            }
            Some(_) => data.clone(),
        }
    }

    /// The shape of what a path or an intrinsic function gives.
    fn read(&mut self, path: &str, data: &Shape, facts: &Facts) -> Shape {
        if path.starts_with("States.") {
            for argument in paths_in_function(path) {
                self.read(&argument, data, facts);
            }
            return Shape::Anything;
        }
        let context = facts.context();
        let (from, inner) = match (path.strip_prefix("$$"), path.strip_prefix('$')) {
            (Some(inner), _) => (&context, inner),
            (None, Some(inner)) => (data, inner),
            (None, None) => {
                self.problem(&format!("{path} is no path"));
                return Shape::Anything;
            }
        };
        if inner.is_empty() {
            return from.clone();
        }
        if inner.contains(['[', '*', '?']) || !inner.starts_with('.') {
            self.problem(&format!("nobody taught this check the path {path}"));
            return Shape::Anything;
        }
        match from.at(&steps(&inner[1..])) {
            Some(shape) => shape.clone(),
            None => {
                self.problem(&format!("{path} is not there on every way that leads here"));
                Shape::Anything
            }
        }
    }
}

/// The paths among the arguments of an intrinsic function; what stands in quotes is text.
fn paths_in_function(call: &str) -> Vec<String> {
    let (mut paths, mut path) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for letter in call.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            _ if quoted => {}
            ',' | ')' | ' ' | '(' => {
                paths.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
            }
            '$' => path.push('$'),
            letter if !path.is_empty() => path.push(letter),
            _ => {}
        }
    }
    paths
}
