//! A package: its files, and which files use which.
use super::source::{Module, Name, Path, modules};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt, fs, path,
};

/// The root of a package, in paths.
const ROOT: &str = "crate";

pub struct Package {
    /// As paths call it: `mcp_auth`.
    pub name: String,
    /// Each file's text, by its place in the workspace.
    pub files: BTreeMap<String, String>,
    modules: BTreeMap<Path, Module>,
}

/// One file uses another, by this name in this line.
#[derive(Clone, Debug)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    line: usize,
    name: String,
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} uses {} of {}", self.from, self.line, self.name, self.to)
    }
}

impl Package {
    /// The one in this folder of the workspace. Where there is a library, the program is a crate of its own.
    pub fn read(root: &path::Path, folder: &str) -> Self {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().replace('-', "_");
        let mut package = Self { name, files: BTreeMap::new(), modules: BTreeMap::new() };
        package.read_folder(root, &path::Path::new(folder).join("src"), &[ROOT.to_owned()]);
        // The root has them, wherever they are declared.
        let exported = package.modules.iter().flat_map(|(path, module)| {
            module.exported.iter().map(|name| (name.clone(), [path.as_slice(), std::slice::from_ref(name)].concat()))
        });
        let exported: Vec<(String, Path)> = exported.collect();
        if let Some(root) = package.modules.get_mut(&vec![ROOT.to_owned()]) {
            root.aliases.extend(exported);
        }
        package
    }

    fn read_folder(&mut self, root: &path::Path, folder: &path::Path, above: &[String]) {
        let has_library = root.join(folder).join("lib.rs").exists();
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap().path();
            let (name, stem) = (entry.file_name().unwrap(), entry.file_stem().unwrap().to_str().unwrap());
            let path = match stem {
                "lib" if above.len() == 1 => above.to_vec(),
                "main" if above.len() == 1 => vec![if has_library { "main" } else { "crate" }.to_owned()],
                "mod" => above.to_vec(),
                _ => [above, &[stem.to_owned()]].concat(),
            };
            if entry.is_dir() {
                self.read_folder(root, &folder.join(name), &path);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let (file, text) = (folder.join(name).display().to_string(), fs::read_to_string(&entry).unwrap());
                // Tests use what they like.
                if !path.contains(&"tests".to_owned()) {
                    self.modules.extend(modules(&file, &text, &path));
                }
                self.files.insert(file, text);
            }
        }
    }

    /// How many lines each of its files has.
    pub fn lines(&self) -> impl Iterator<Item = usize> {
        self.files.values().map(|text| text.lines().count())
    }

    /// From each file to each other that it uses, once.
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeMap::new();
        for (path, module) in &self.modules {
            // Whoever passes on a name of a part of itself does not use it.
            let own = self.top_of_file(path);
            let is_foreign = |name: &&Name| self.resolve(path, &name.path, 0).is_some_and(|to| !to.starts_with(own));
            for Name { path: name, line } in module.used.iter().chain(module.passed_on.iter().filter(is_foreign)) {
                let target = self.resolve(path, name, 0).and_then(|target| self.modules.get(&target));
                let Some(target) = target.filter(|target| target.file != module.file) else { continue };
                let (from, to) = (module.file.clone(), target.file.clone());
                let arrow = Arrow { from: from.clone(), to: to.clone(), line: *line, name: name.join("::") };
                arrows.entry((from, to)).or_insert(arrow);
            }
        }
        arrows.into_values().collect()
    }

    /// Where a file gives methods to types of another: the arrow from the one to the other.
    pub fn extensions(&self) -> Vec<Arrow> {
        let mut found = vec![];
        for (path, module) in &self.modules {
            for Name { path: name, line } in &module.extended {
                let target = self.resolve(path, name, 0).and_then(|target| self.modules.get(&target));
                if let Some(target) = target.filter(|target| target.file != module.file) {
                    let (from, to) = (module.file.clone(), target.file.clone());
                    found.push(Arrow { from, to, line: *line, name: name.join("::") });
                }
            }
        }
        found
    }

    /// The names that begin with the name of this other package: file, line and name.
    pub fn names_of(&self, other: &str) -> Vec<(&str, usize, Path)> {
        let mut found = vec![];
        for module in self.modules.values() {
            for Name { path, line } in module.used.iter().chain(&module.passed_on) {
                let mut path = path.clone();
                if let Some(whole) = module.aliases.get(&path[0]) {
                    path.splice(..1, whole.iter().cloned());
                }
                if path[0] == other && path.len() > 1 {
                    found.push((&*module.file, *line, path));
                }
            }
        }
        found
    }

    /// The module that a file is, of one written inside of it.
    fn top_of_file<'a>(&self, path: &'a [String]) -> &'a [String] {
        let file = |path: &[String]| self.modules.get(path).map(|module| &module.file);
        let above = &path[..path.len() - 1];
        if file(above) == file(path) { self.top_of_file(above) } else { path }
    }

    /// The module in which that is declared which `name` stands for in the module `at`; `None` if it is not of this
    /// package.
    fn resolve(&self, at: &[String], name: &[String], depth: usize) -> Option<Path> {
        let (first, rest) = name.split_first()?;
        let module = self.modules.get(at).filter(|_| depth < 20)?;
        match first.as_str() {
            "crate" => self.descend(&at[..1], rest, depth),
            "self" => self.descend(at, rest, depth),
            "super" if rest.first().is_some_and(|next| next == "super") => {
                self.resolve(&at[..at.len() - 1], rest, depth + 1)
            }
            "super" => self.descend(&at[..at.len() - 1], rest, depth),
            own if *own == self.name && at[0] == "main" => self.descend(&["crate".to_owned()], rest, depth),
            alias if module.aliases.contains_key(alias) => {
                let whole = [module.aliases[alias].as_slice(), rest].concat();
                (whole != name).then(|| self.resolve(at, &whole, depth + 1)).flatten()
            }
            name if name.ends_with('!') => self.macro_above(at, name.trim_end_matches('!')),
            _ => {
                let child = [at, std::slice::from_ref(first)].concat();
                if self.modules.contains_key(&child) {
                    return if rest.is_empty() { None } else { self.descend(&child, rest, depth) };
                }
                if module.declared.contains(first) {
                    return None;
                }
                self.by_glob(at, name, depth)
            }
        }
    }

    fn descend(&self, at: &[String], rest: &[String], depth: usize) -> Option<Path> {
        let Some((first, below)) = rest.split_first() else { return Some(at.to_vec()) };
        let child = [at, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            return self.descend(&child, below, depth);
        }
        if self.modules.get(at)?.macros.contains(first) {
            return Some(at.to_vec());
        }
        match self.modules.get(at)?.aliases.get(first) {
            // Declared elsewhere and passed on here; in another package, perhaps.
            Some(target) => self.resolve(at, &[target.as_slice(), below].concat(), depth + 1),
            None => self.known(at, rest, depth).or_else(|| Some(at.to_vec())),
        }
    }

    /// The module in which this name, that the module `at` has, is declared; `None` if it has none of that name.
    fn known(&self, at: &[String], name: &[String], depth: usize) -> Option<Path> {
        let (module, first) = (self.modules.get(at).filter(|_| depth < 20)?, name.first()?);
        let child = [at, std::slice::from_ref(first)].concat();
        if module.declared.contains(first) || module.macros.contains(first) {
            return Some(at.to_vec());
        }
        if module.aliases.contains_key(first) || self.modules.contains_key(&child) {
            return self.descend(at, name, depth);
        }
        self.by_glob(at, name, depth)
    }

    /// The same for the names that `use ...::*` brings to the module `at`.
    fn by_glob(&self, at: &[String], name: &[String], depth: usize) -> Option<Path> {
        let module = self.modules.get(at)?;
        let mut opened = module.globs.iter().filter_map(|glob| {
            let child = [at, glob].concat();
            if self.modules.contains_key(&child) { Some(child) } else { self.resolve(at, glob, depth + 1) }
        });
        opened.find_map(|opened| self.known(&opened, name, depth + 1))
    }

    /// The module above that declares this macro, which is used without a path.
    fn macro_above(&self, at: &[String], name: &str) -> Option<Path> {
        let declares = |module: &Module| module.macros.contains(name);
        (1..=at.len())
            .rev()
            .map(|length| &at[..length])
            .find(|path| self.modules.get(*path).is_some_and(declares))
            .map(<[String]>::to_vec)
    }
}

/// For each file that is in a circle the shortest through it, as sentences; each circle once.
pub fn circles(arrows: &[Arrow]) -> Vec<String> {
    let mut from: BTreeMap<&str, Vec<&Arrow>> = BTreeMap::new();
    for arrow in arrows {
        from.entry(&arrow.from).or_default().push(arrow);
    }
    let mut circles = BTreeMap::new();
    for start in from.keys() {
        if let Some(circle) = circle(&from, start) {
            let mut files: Vec<_> = circle.iter().map(|arrow| &arrow.from).collect();
            files.sort();
            let sentences: Vec<_> = circle.iter().map(ToString::to_string).collect();
            circles.entry(files).or_insert(sentences.join(", and "));
        }
    }
    circles.into_values().collect()
}

fn circle<'a>(from: &BTreeMap<&str, Vec<&'a Arrow>>, start: &str) -> Option<Vec<&'a Arrow>> {
    let mut came_by: BTreeMap<&str, &Arrow> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        for arrow in from.get(file).into_iter().flatten() {
            if came_by.contains_key(&*arrow.to) {
                continue;
            }
            came_by.insert(&arrow.to, arrow);
            next.push_back(&arrow.to);
        }
    }
    let mut circle = vec![*came_by.get(start)?];
    while circle[circle.len() - 1].from != start {
        circle.push(came_by[&*circle[circle.len() - 1].from]);
    }
    circle.reverse();
    Some(circle)
}
