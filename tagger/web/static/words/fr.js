globalThis.taggerWords = {
 "(the most)": "(le plus)",
 "(the same as another)": "(le même qu’un autre)",
 "A time is missing.": "Il manque une heure.",
 "About {right} % of the photos that get it are right; {found} % of those that show it are found.": "Environ {right} % des photos qui la reçoivent sont justes ; {found} % de celles qui la montrent sont trouvées.",
 "Add": "Ajouter",
 "Add a label to {n} photo": [
  "Ajouter une étiquette à {n} photo",
  "Ajouter une étiquette à {n} photos"
 ],
 "Add label": "Ajouter une étiquette",
 "All is decided: {groups}, and {photos}.": "Tout est décidé : {groups}, et {photos}.",
 "Answer {n} doubtful one": [
  "Répondre à {n} douteuse",
  "Répondre aux {n} moins sûres"
 ],
 "As a table": "En tableau",
 "Back to “{query}”": "Retour à « {query} »",
 "Camera": "Appareil",
 "Cancel": "Annuler",
 "Clear selection": "Désélectionner",
 "Close": "Fermer",
 "Confirm": "Confirmer",
 "Confirm a label of {n} photo": [
  "Confirmer une étiquette de {n} photo",
  "Confirmer une étiquette de {n} photos"
 ],
 "Do these show “{label}”?": "Celles-ci montrent-elles « {label} » ?",
 "Download": "Télécharger",
 "Download as zip": "Télécharger en ZIP",
 "Download {n} photo": [
  "Télécharger {n} photo",
  "Télécharger {n} photos"
 ],
 "Everything about it, and corrections": "Tout à son sujet, et corrections",
 "File": "Fichier",
 "Folder": "Dossier",
 "Forget it": "Oublier",
 "Forget it with its examples": "Oublier avec ses exemples",
 "Format": "Format",
 "Found": "Trouvées",
 "Give “{label}” to photos": "Donner « {label} » aux photos",
 "Group {n} of {all}": "Groupe {n} sur {all}",
 "How many are right, and how many are found, by how sure it must be.": "Combien sont justes et combien sont trouvées, selon la certitude exigée.",
 "I looked, they are right: switch it on": "J’ai regardé, elles sont justes : l’activer",
 "Information (i)": "Informations (i)",
 "It cannot be learned from these yet.": "Cela ne suffit pas encore pour l’apprendre.",
 "It has learned from that; {n} photo changed.": [
  "C’est appris ; {n} photo a changé.",
  "C’est appris ; {n} photos ont changé."
 ],
 "It is as before.": "Tout est comme avant.",
 "It is forgotten.": "Elle est oubliée.",
 "It is forgotten; {n} photo changed.": [
  "C’est oublié ; {n} photo a changé.",
  "C’est oublié ; {n} photos ont changé."
 ],
 "It is given from {share} on.": "Elle est donnée à partir de {share}.",
 "It is learned, and off.": "Elle est apprise, et désactivée.",
 "It is not on yet: look at some of its photos first.": "Elle n’est pas encore activée : regardez d’abord quelques-unes de ses photos.",
 "It is off; {n} photo changed.": [
  "C’est désactivé ; {n} photo a changé.",
  "C’est désactivé ; {n} photos ont changé."
 ],
 "It is on; {n} photo changed.": [
  "Elle est activée ; {n} photo modifiée.",
  "Elle est activée ; {n} photos modifiées."
 ],
 "It stays where you gave it yourself.": "Elle reste là où vous l’avez donnée vous-même.",
 "Keep it": "Le garder",
 "Keep it and switch it on": "Le garder et l’activer",
 "Keep the best of {n} clear group": [
  "Garder la meilleure de {n} groupe net",
  "Garder la meilleure de {n} groupes nets"
 ],
 "Keep {keep} of {all}": "Garder {keep} sur {all}",
 "Kept": "Gardée",
 "Keys: y yes, n no.": "Touches : y oui, n non.",
 "Label": "Étiquette",
 "Labels": "Étiquettes",
 "Labels (l)": "Étiquettes (l)",
 "Learn from that": "Apprendre de cela",
 "Learned from {examples}.": "Apprise de {examples}.",
 "Learned on {time} from {examples}.": "Apprise le {time} de {examples}.",
 "Lens": "Objectif",
 "Less often: {labels}": "Moins souvent : {labels}",
 "Look at the doubtful ones": "Regarder les douteuses",
 "More often: {labels}": "Plus souvent : {labels}",
 "More, and why": "Plus de détails, et pourquoi",
 "Next": "Suivante",
 "No label has that in its name.": "Aucune étiquette ne contient cela dans son nom.",
 "No photo has it from what was taught: it is off.": "Aucune photo ne l’a par ce qui a été appris : elle est désactivée.",
 "No two photos are that much alike.": "Il n’y a pas deux photos aussi ressemblantes.",
 "None that is sure enough.": "Aucune n’est assez sûre.",
 "Not kept": "Non gardée",
 "Nothing is sure enough for a label.": "Rien n’est assez sûr pour une étiquette.",
 "Nothing is written into photos for it.": "Rien n’est écrit dans les photos pour cela.",
 "Off": "Désactivée",
 "On": "Activée",
 "One moment …": "Un instant…",
 "Only the first {n} photo is selected.": [
  "Seule la première photo ({n}) est sélectionnée.",
  "Seules les {n} premières photos sont sélectionnées."
 ],
 "People and things found on it: {things}.": "Personnes et objets trouvés : {things}.",
 "Photo without labels": "Photo sans étiquette",
 "Photo {n}": "Photo {n}",
 "Photo {n} is not {label}": "La photo {n} n’est pas {label}",
 "Photo {n} is {label}": "La photo {n} est {label}",
 "Photos in the whole window": "Photos en pleine fenêtre",
 "Picture": "Image",
 "Pixels": "Pixels",
 "Place": "Lieu",
 "Please log in again.": "Veuillez vous reconnecter.",
 "Previous": "Précédente",
 "Proposed: the first one.": "Proposée : la première.",
 "Remove": "Retirer",
 "Remove a label from {n} photo": [
  "Retirer une étiquette de {n} photo",
  "Retirer une étiquette de {n} photos"
 ],
 "Right": "Justes",
 "See again with the answers": "Revoir avec les réponses",
 "See what comes of it": "Voir ce que cela donne",
 "Select: {photo}": "Sélectionner : {photo}",
 "Selected photos": "Photos sélectionnées",
 "Sharpness": "Netteté",
 "Since then you said yes to {yes} and no to {no}.": "Depuis, vous avez dit oui à {yes} et non à {no}.",
 "Sure": "Certitude",
 "Sure from": "Sûr à partir de",
 "Taken": "Prise le",
 "Taken back.": "C’est annulé.",
 "Teach": "Apprendre",
 "Teach a label by {n} photo": [
  "Apprendre une étiquette avec {n} photo",
  "Apprendre une étiquette avec {n} photos"
 ],
 "The keywords of {n} photo would be written in another language.": [
  "Les mots-clés de {n} photo seraient écrits dans une autre langue.",
  "Les mots-clés de {n} photos seraient écrits dans une autre langue."
 ],
 "The model is being loaded ({share} of its weights are here) …": "Chargement du modèle ({share} de ses poids sont là) …",
 "The model is being loaded …": "Chargement du modèle …",
 "The model is {share} sure; it is not shown.": "Le modèle est sûr à {share} ; elle n’est pas affichée.",
 "The model is {share} sure; it is shown.": "Le modèle est sûr à {share} ; elle est affichée.",
 "The next page could not be loaded.": "La page suivante n’a pas pu être chargée.",
 "The picture cannot be shown.": "L’image ne peut pas être affichée.",
 "The rule is kept and is being applied.": "La règle est enregistrée et en cours d’application.",
 "The rule is kept; the service applies it now.": "La règle est enregistrée ; le service l’applique maintenant.",
 "The service looks at them now.": "Le service les examine maintenant.",
 "The service writes them now.": "Le service les écrit maintenant.",
 "The setting is kept, and in force.": "Le réglage est enregistré et en vigueur.",
 "They wait for tagger backfill or tagger run.": "Elles attendent tagger backfill ou tagger run.",
 "This was the last group.": "C’était le dernier groupe.",
 "Undo": "Annuler",
 "What becomes of it": "Ce qu’elle devient",
 "What the file tells: {kinds}.": "Ce que dit le fichier : {kinds}.",
 "What the model says: {classes}.": "Ce que dit le modèle : {classes}.",
 "What would change": "Ce qui changerait",
 "What you answer is learned, too: what does not show it is as important as what does.": "Ce que vous répondez est appris aussi : ce qui ne le montre pas compte autant que ce qui le montre.",
 "Where the files are the very same, or one has clearly more pixels": "Là où les fichiers sont exactement les mêmes, ou l’un a nettement plus de pixels",
 "Which of these are not {label}?": "Lesquelles ne sont pas {label} ?",
 "Without a date": "Sans date",
 "Write": "Écrire",
 "Write keywords": "Écrire les mots-clés",
 "Write keywords of {n} photo": [
  "Écrire les mots-clés de {n} photo",
  "Écrire les mots-clés de {n} photos"
 ],
 "Your keywords": "Vos mots-clés",
 "Zoom": "Agrandir",
 "across: how sure it must be": "en largeur : la certitude exigée",
 "alike by {share} at least": "ressemblantes à {share} au moins",
 "comparing …": "comparaison …",
 "found, of those that show it": "trouvées, parmi celles qui le montrent",
 "large": "grand",
 "medium": "moyen",
 "none": "rien",
 "proposed": "proposée",
 "right, of those that get it": "justes, parmi celles qui le reçoivent",
 "small": "petit",
 "tagger does not answer. Is it running?": "tagger ne répond pas. Est-il en marche ?",
 "unknown": "inconnu",
 "waiting …": "en attente …",
 "{changed} of {all} photos would show other labels.": "{changed} photos sur {all} porteraient d’autres étiquettes.",
 "{changed} of {compared} photos looked at would show other labels: about {about} of {all}.": "{changed} photos sur les {compared} examinées porteraient d’autres étiquettes : environ {about} sur {all}.",
 "{done} of {total}": "{done} sur {total}",
 "{groups} decided: {photos}.": "{groups} décidés : {photos}.",
 "{label}, how sure": "{label}, degré de certitude",
 "{n} answered": [
  "{n} réponse donnée",
  "{n} réponses données"
 ],
 "{n} decided": "{n} décidés",
 "{n} drawn from the library": [
  "{n} tirée de la bibliothèque",
  "{n} tirées de la bibliothèque"
 ],
 "{n} file is as before.": [
  "{n} fichier est comme avant.",
  "{n} fichiers sont comme avant."
 ],
 "{n} file would be written, {size}.": [
  "{n} fichier serait écrit, {size}.",
  "{n} fichiers seraient écrits, {size}."
 ],
 "{n} file written.": [
  "{n} fichier écrit.",
  "{n} fichiers écrits."
 ],
 "{n} group": [
  "{n} groupe",
  "{n} groupes"
 ],
 "{n} label": [
  "{n} étiquette",
  "{n} étiquettes"
 ],
 "{n} left": [
  "Il en reste {n}",
  "Il en reste {n}"
 ],
 "{n} or more left": "Il en reste {n} ou plus",
 "{n} photo": [
  "{n} photo",
  "{n} photos"
 ],
 "{n} photo changed.": [
  "{n} photo modifiée.",
  "{n} photos modifiées."
 ],
 "{n} photo has it from what was taught.": [
  "{n} photo l’a par ce qui a été appris.",
  "{n} photos l’ont par ce qui a été appris."
 ],
 "{n} photo is as before.": [
  "{n} photo est comme avant.",
  "{n} photos sont comme avant."
 ],
 "{n} photo is not kept": [
  "{n} photo n’est pas gardée",
  "{n} photos ne sont pas gardées"
 ],
 "{n} photo is not kept, {size}": [
  "{n} photo n’est pas gardée, {size}",
  "{n} photos ne sont pas gardées, {size}"
 ],
 "{n} photo is not kept.": [
  "{n} photo n’est pas gardée.",
  "{n} photos ne sont pas gardées."
 ],
 "{n} photo of the library would get it.": [
  "{n} photo de la bibliothèque la recevrait.",
  "{n} photos de la bibliothèque la recevraient."
 ],
 "{n} photo selected": [
  "{n} photo sélectionnée",
  "{n} photos sélectionnées"
 ],
 "{n} photo that shows it": [
  "{n} photo qui le montre",
  "{n} photos qui le montrent"
 ],
 "{n} photo would change.": [
  "{n} photo changerait.",
  "{n} photos changeraient."
 ],
 "{n} queued again.": [
  "{n} remise en attente.",
  "{n} remises en attente."
 ],
 "{n} that does not": [
  "{n} qui ne le montre pas",
  "{n} qui ne le montrent pas"
 ],
 "“{name}” is added.": "« {name} » est ajoutée.",
 "“{name}” is confirmed.": "« {name} » est confirmée.",
 "“{name}” is removed and stays away.": "« {name} » est retirée et ne reviendra pas."
};
